import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { InvalidCsvError } from './invalid-csv.error.ts';

/** A few lines of a text. */
export interface Piece {
  /** UTF-8 */
  bytes: Buffer;
  /** the number of the first line, from 1 */
  line: number;
}

export interface TextFile {
  /** the name in the Encoding Standard */
  charset: string;
  pieces: AsyncIterable<Piece>;
}

const byteOrderMarks: [charset: string, mark: number[]][] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
];

/** The signatures of files that are often submitted as CSV. */
const otherFormats: [name: string, signature: number[]][] = [
  ['compressed with gzip', [0x1f, 0x8b]],
  ['a ZIP archive or an Excel workbook', [0x50, 0x4b, 0x03, 0x04]],
  ['an Excel workbook', [0xd0, 0xcf, 0x11, 0xe0]],
  ['compressed with zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['compressed with xz', [0xfd, 0x37, 0x7a, 0x58]],
  ['compressed with bzip2', [0x42, 0x5a, 0x68]],
];

/** Bytes. */
const longestLine = 4 * 1024 * 1024;

/**
 * Reads a file as text while it arrives, a few lines at a time.
 * @param given  its character set, a label of the Encoding Standard; by default from its byte order mark, or UTF-8
 * @throws {InvalidCsvError}  if it is not text in this character set, with the line: it is never read in another one
 */
export async function openText(content: AsyncIterable<Uint8Array>, given?: string): Promise<TextFile> {
  const source = content[Symbol.asyncIterator]();
  let start = Buffer.alloc(0);
  while (start.length < 4) {
    const next = await source.next();
    if (next.done) break;
    start = Buffer.concat([start, next.value]);
  }
  const beginsWith = ([, bytes]: [string, number[]]) => bytes.every((byte, i) => start[i] === byte);
  const format = otherFormats.find(beginsWith);
  if (format) throw new InvalidCsvError(`the file is ${format[0]}: submit the text that it contains`);
  const marked = byteOrderMarks.find(beginsWith);
  const charset = given === undefined ? (marked?.[0] ?? 'utf-8') : nameOf(given);
  if (marked?.[0] === charset) start = start.subarray(marked[1].length);
  return { charset, pieces: linesOf(startingWith(start, source), charset) };
}

function nameOf(label: string): string {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    throw new InvalidCsvError(`unknown charset ${label}`);
  }
}

async function* startingWith<T>(first: T, rest: AsyncIterator<T>): AsyncGenerator<T> {
  yield first;
  yield* { [Symbol.asyncIterator]: () => rest };
}

async function* linesOf(content: AsyncIterable<Uint8Array>, charset: string): AsyncGenerator<Piece> {
  let line = 1;
  let rest = Buffer.alloc(0);
  const decoder = new LineDecoder(charset);
  const decoded = function* (bytes: Buffer) {
    for (const text of decoder.decode(bytes, () => line)) {
      yield { bytes: text, line };
      line += lineEnds(text);
    }
  };
  for await (const chunk of content) {
    const bytes =
      rest.length > 0 ? Buffer.concat([rest, chunk]) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const end = decoder.lastLineEnd(bytes, rest.length);
    yield* decoded(bytes.subarray(0, end));
    rest = Buffer.from(bytes.subarray(end));
    if (rest.length > longestLine) throw new InvalidCsvError(`line ${line} has more than ${longestLine} bytes`);
  }
  yield* decoded(rest);
}

/** Decodes whole lines, and so keeps no state between calls. */
class LineDecoder {
  private readonly charset: string;
  private readonly decoder: TextDecoder;
  /** bytes of a line feed */
  private readonly width: number;
  /** the offset of the low byte in a character */
  private readonly low: number;

  constructor(charset: string) {
    this.charset = charset;
    this.decoder = new TextDecoder(charset, { fatal: true, ignoreBOM: true });
    this.width = charset.startsWith('utf-16') ? 2 : 1;
    this.low = charset === 'utf-16be' ? 1 : 0;
  }

  /**
   * @param searched  how many bytes at the start were already searched
   * @returns the end of the last complete line; a CR at the very end may be half of a line end
   */
  lastLineEnd(bytes: Buffer, searched: number): number {
    const from = Math.max(searched - 2 * this.width, 0);
    const last = (character: number, before: number): number => {
      let at = before;
      do at = at > from ? bytes.lastIndexOf(character, at - 1) : -1;
      while (at >= from && !this.isCharacter(bytes, at));
      return at < from ? 0 : at - this.low + this.width;
    };
    return last(10, bytes.length) || last(13, bytes.length - 2 * this.width + 1);
  }

  /** Whether the ASCII byte at an offset is a character: in UTF-16, it may also be half of another one. */
  private isCharacter(bytes: Buffer, at: number): boolean {
    return this.width === 1 || (at % 2 === this.low && bytes[at ^ 1] === 0);
  }

  /** @throws {InvalidCsvError}  after yielding the lines before the invalid one */
  *decode(bytes: Buffer, line: () => number): Generator<Buffer> {
    const whole = this.wholeText(bytes);
    if (whole) yield whole;
    else {
      const { start, fault } = this.firstFault(bytes);
      const before = this.wholeText(bytes.subarray(0, start));
      if (before) yield before;
      throw new InvalidCsvError(`line ${line()} ${fault}`);
    }
  }

  private firstFault(bytes: Buffer): { start: number; fault: string } {
    let start = 0;
    for (const one of this.linesIn(bytes)) {
      const text = this.tryDecode(one);
      if (text === undefined) {
        const name = this.charset.toUpperCase();
        return { start, fault: `is not ${name}: save the file as UTF-8, or specify its charset with the job` };
      }
      if (text.includes('\0')) {
        const reason = 'this is not text, or it is UTF-16 without a byte order mark: specify the charset with the job';
        return { start, fault: `has a NUL character: ${reason}` };
      }
      start += one.length;
    }
    // A character that spans two lines.
    return { start: 0, fault: `is not ${this.charset.toUpperCase()}` };
  }

  /** Undefined if a line is invalid. */
  private wholeText(bytes: Buffer): Buffer | undefined {
    if (this.charset === 'utf-8') return isUtf8(bytes) && !bytes.includes(0) ? bytes : undefined;
    const text = this.tryDecode(bytes);
    return text === undefined || text.includes('\0') ? undefined : Buffer.from(text);
  }

  private tryDecode(bytes: Buffer): string | undefined {
    try {
      return this.decoder.decode(bytes);
    } catch {
      return undefined;
    }
  }

  private *linesIn(bytes: Buffer): Generator<Buffer> {
    let start = 0;
    for (let at = this.low; at < bytes.length; at += this.width) {
      const [here, next] = [bytes[at], bytes[at + this.width]];
      if (!this.isCharacter(bytes, at) || (here !== 10 && (here !== 13 || next === 10))) continue;
      yield bytes.subarray(start, at - this.low + this.width);
      start = at - this.low + this.width;
    }
    yield bytes.subarray(start);
  }
}

/** CRLF, LF or CR, in UTF-8. */
export function lineEnds(text: Buffer): number {
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === 10 || (text[i] === 13 && text[i + 1] !== 10)) count += 1;
  }
  return count;
}
