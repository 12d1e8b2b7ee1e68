import { finished } from 'node:stream/promises';
import type { CsvSummary } from '@lanyard/jobs-contract';
import { CsvError, parse, type Parser } from 'csv-parse';
import { ColumnSummarizer } from './column-summary.ts';
import { detectDelimiter, recordDelimiters } from './delimiter.ts';
import { InvalidCsvError } from './invalid-csv.error.ts';
import { lineEnds, type Piece } from './text-file.ts';

/** Bytes. */
const longestRecord = 1024 * 1024;
const sampleSize = 64 * 1024;

const maxColumns = 1000;

/** Summarizes a CSV file, a few lines at a time. */
export class CsvSummarizer {
  private delimiter: string | undefined;
  private parser: Parser | undefined;
  private columns: ColumnSummarizer[] | undefined;
  private rows = 0;
  /** Pieces that the parser has not finished, or not received yet. */
  private readonly ahead: Piece[] = [];
  private sampled = 0;
  /** How many bytes came before those pieces. */
  private passed = 0;
  /** The offset at which the last record ended, bytes. */
  private recordEnd = 0;

  constructor(delimiter?: string) {
    this.delimiter = delimiter;
  }

  /** @throws {InvalidCsvError} */
  add(added: Piece): void {
    const piece = added.line === 1 ? this.withoutDeclaration(added) : added;
    this.ahead.push(piece);
    this.sampled += piece.bytes.length;
    if (this.parser) this.parse(this.parser, piece);
    else if (this.delimiter !== undefined || this.sampled >= sampleSize) this.begin(false);
  }

  /** @throws {InvalidCsvError} */
  async summary(): Promise<Omit<CsvSummary, 'charset'>> {
    const parser = this.parser ?? this.begin(true);
    parser.end();
    await finished(parser).catch((error: unknown) => {
      throw this.explained(error);
    });
    const { columns, delimiter, rows } = this;
    if (!columns || (rows === 0 && !columns.some(({ isNamed }) => isNamed))) {
      throw new InvalidCsvError('the file is empty');
    }
    return {
      delimiter: columns.length > 1 ? delimiter! : null,
      rows,
      columns: columns.map((column) => column.summary()),
    };
  }

  /** Removes Excel's first line, "sep=;". A delimiter given with the job takes precedence. */
  private withoutDeclaration({ bytes, line }: Piece): Piece {
    const [declaration, delimiter] = /^"?sep=([^"\r\n])"?(?:\r\n|\r|\n)/i.exec(bytes.toString('utf8', 0, 16)) ?? [];
    if (declaration === undefined) return { bytes, line };
    this.delimiter ??= delimiter;
    return { bytes: bytes.subarray(declaration.length), line: line + 1 };
  }

  private begin(isWhole: boolean): Parser {
    const pieces = this.ahead;
    this.delimiter ??= detectDelimiter(Buffer.concat(pieces.map(({ bytes }) => bytes)), isWhole) ?? ',';
    const parser = parse({
      delimiter: this.delimiter,
      record_delimiter: recordDelimiters,
      skip_empty_lines: true,
      max_record_size: longestRecord,
      // Records are processed in the callback: passing them through a stream costs half as much as parsing.
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

  /** The parser has processed the piece when this returns. */
  private parse(parser: Parser, { bytes }: Piece): void {
    parser.write(bytes);
    if (parser.errored) throw this.explained(parser.errored);
    for (let first = this.ahead[0]; first && this.recordStart(first) === undefined; first = this.ahead[0]) {
      this.passed += first.bytes.length;
      this.ahead.shift();
    }
  }

  /** The offset of the next record in a piece, the first one ahead; undefined if no record begins in it. */
  private recordStart({ bytes }: Piece): number | undefined {
    let at = Math.max(this.recordEnd - this.passed, 0);
    while (bytes[at] === 10 || bytes[at] === 13) at += 1;
    return at < bytes.length ? at : undefined;
  }

  private take(record: string[]): void {
    if (this.columns) {
      this.rows += 1;
      for (let i = 0; i < this.columns.length; i++) this.columns[i]!.add(record[i]!);
      return;
    }
    if (record.length > maxColumns) throw new InvalidCsvError(`the file has more than ${maxColumns} columns`);
    this.columns = record.map((name, i) => new ColumnSummarizer(name.trim(), i));
  }

  private explained(error: unknown): unknown {
    if (!(error instanceof CsvError)) return error;
    const { code, message, record } = error as CsvError & { record?: string[] };
    const reasons: Partial<Record<CsvError['code'], string>> = {
      CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: `${counted(record?.length ?? 0, 'value')}, and the header has ${this.columns?.length}`,
      CSV_QUOTE_NOT_CLOSED: 'a quote that is never closed',
      INVALID_OPENING_QUOTE: 'a quote within a value that does not begin with one',
      CSV_INVALID_CLOSING_QUOTE: 'a quote that ends before its value does',
      CSV_MAX_RECORD_SIZE: `a record of more than ${longestRecord} bytes`,
    };
    const line = `line ${this.line()}, read with the delimiter ${JSON.stringify(this.delimiter)}`;
    return new InvalidCsvError(`${line}: ${reasons[code] ?? message}`, { cause: error });
  }

  /** The line at which the parser's current record begins. */
  private line(): number {
    for (let first = this.ahead[0]; first; first = this.ahead[0]) {
      const start = this.recordStart(first);
      if (start !== undefined) return first.line + lineEnds(first.bytes.subarray(0, start));
      this.passed += first.bytes.length;
      this.ahead.shift();
    }
    return 1;
  }
}

const counted = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
