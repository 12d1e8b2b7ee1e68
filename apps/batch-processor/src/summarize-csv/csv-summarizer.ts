import { finished } from 'node:stream/promises';
import { CsvError, parse, type Parser } from 'csv-parse';
import { ColumnSummarizer, shortened } from './column-summary.ts';
import { detectDelimiter, recordDelimiters } from './delimiter.ts';
import { InvalidCsvError } from './invalid-csv.error.ts';
import type { CsvSummary } from './summarize-csv.ts';
import { lineEnds, type Piece } from './text-file.ts';

/** Bytes. */
const longestRecord = 1024 * 1024;
const sampleSize = 64 * 1024;

const mostColumns = 1000;

/** Takes in a CSV file, some lines at a time. */
export class CsvSummarizer {
  private delimiter: string | undefined;
  private parser: Parser | undefined;
  private columns: ColumnSummarizer[] | undefined;
  private rows = 0;
  /** What the parser has not passed, or not been given yet. */
  private ahead: Piece[] = [];
  /** How many bytes were before that. */
  private passed = 0;
  /** Where the last record ended, bytes. */
  private recordEnd = 0;

  constructor(delimiter?: string) {
    this.delimiter = delimiter;
  }

  /** @throws {InvalidCsvError} */
  add(piece: Piece): void {
    this.ahead.push(piece);
    if (this.parser) this.parse(this.parser, piece);
    else if (this.delimiter !== undefined || sizeOf(this.ahead) >= sampleSize) this.begin(false);
  }

  /** @throws {InvalidCsvError} */
  async summary(): Promise<Omit<CsvSummary, 'charset'>> {
    const parser = this.parser ?? this.begin(true);
    parser.end();
    await finished(parser).catch((error: unknown) => {
      throw this.explained(error);
    });
    if (!this.columns) throw new InvalidCsvError('the file is empty');
    const { columns, delimiter, rows } = this;
    return {
      delimiter: columns.length > 1 ? delimiter! : null,
      rows,
      columns: columns.map((column) => column.summary()),
    };
  }

  private begin(isWhole: boolean): Parser {
    const pieces = this.ahead;
    this.delimiter ??= detectDelimiter(Buffer.concat(pieces.map(({ bytes }) => bytes)), isWhole) ?? ',';
    const parser = parse({
      delimiter: this.delimiter,
      record_delimiter: recordDelimiters,
      skip_empty_lines: true,
      max_record_size: longestRecord,
      // Taken where it is read: passing records on through a stream costs as much as half of the parsing.
      on_record: (record: string[]) => {
        this.take(record);
        this.recordEnd = parser.info.bytes;
        return null;
      },
    });
    this.parser = parser.on('error', () => undefined).resume();
    for (const piece of pieces.slice()) this.parse(parser, piece);
    return parser;
  }

  /** The parser has taken it in when this returns. */
  private parse(parser: Parser, { bytes }: Piece): void {
    parser.write(bytes);
    if (parser.errored) throw this.explained(parser.errored);
    while (this.ahead[0] && this.passed + this.ahead[0].bytes.length <= this.recordEnd) {
      this.passed += this.ahead.shift()!.bytes.length;
    }
  }

  private take(record: string[]): void {
    if (this.columns) {
      this.rows += 1;
      for (let i = 0; i < this.columns.length; i++) this.columns[i]!.add(record[i]!);
      return;
    }
    if (record.length > mostColumns) throw new InvalidCsvError(`the file has more than ${mostColumns} columns`);
    this.columns = record.map((name, i) => new ColumnSummarizer(shortened(name.trim()) || `column ${i + 1}`));
  }

  private explained(error: unknown): unknown {
    if (!(error instanceof CsvError)) return error;
    const { code, message, record } = error as CsvError & { record?: string[] };
    const reasons: Partial<Record<CsvError['code'], string>> = {
      CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: `${counted(record?.length ?? 0, 'value')}, and the header has ${this.columns?.length}`,
      CSV_QUOTE_NOT_CLOSED: 'a quote that does not end',
      INVALID_OPENING_QUOTE: 'a quote within a value that does not begin with one',
      CSV_INVALID_CLOSING_QUOTE: 'a quote that ends before its value does',
      CSV_MAX_RECORD_SIZE: `a record of more than ${longestRecord} bytes`,
    };
    const line = `line ${this.line()}, read with the delimiter ${JSON.stringify(this.delimiter)}`;
    return new InvalidCsvError(`${line}: ${reasons[code] ?? message}`, { cause: error });
  }

  /** The line where the record begins that the parser is at. */
  private line(): number {
    let start = this.recordEnd - this.passed;
    for (const { bytes, line } of this.ahead) {
      const end = Math.min(Math.max(start, 0), bytes.length);
      let at = end;
      while (bytes[at] === 10 || bytes[at] === 13) at += 1;
      if (at < bytes.length) return line + lineEnds(bytes.subarray(0, at));
      start -= bytes.length;
    }
    return this.ahead.at(-1)?.line ?? 1;
  }
}

const sizeOf = (pieces: Piece[]) => pieces.reduce((size, { bytes }) => size + bytes.length, 0);
const counted = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
