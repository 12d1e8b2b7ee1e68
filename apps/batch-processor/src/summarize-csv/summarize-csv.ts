import { addAbortSignal, Readable } from 'node:stream';
import type { CsvSummary } from '@lanyard/jobs-contract';
import { CsvSummarizer } from './csv-summarizer.ts';
import { openText } from './text-file.ts';

export interface CsvOptions {
  /** what separates the values; found in the beginning of the file by default */
  delimiter?: string;
  /** a label of the Encoding Standard; that of the byte order mark by default, or UTF-8 */
  charset?: string;
  signal?: AbortSignal;
}

/**
 * Summarizes a CSV file (RFC 4180, with a header) while it comes in: memory does not grow with it.
 * @throws {InvalidCsvError}  with the line
 */
export async function summarizeCsv(content: AsyncIterable<Uint8Array>, options: CsvOptions = {}): Promise<CsvSummary> {
  const source = Readable.from(content);
  if (options.signal) addAbortSignal(options.signal, source);
  try {
    const { charset, pieces } = await openText(source, options.charset);
    const summarizer = new CsvSummarizer(options.delimiter);
    for await (const piece of pieces) summarizer.add(piece);
    return { charset, ...(await summarizer.summary()) };
  } finally {
    // Where nothing more is wanted of it, its connection ends.
    source.destroy();
  }
}
