import { addAbortSignal, Readable } from 'node:stream';
import type { CsvSummary } from '@lanyard/jobs-contract';
import { CsvSummarizer } from './csv-summarizer.ts';
import { openText } from './text-file.ts';

export interface CsvOptions {
  /** separates the values; by default detected from the beginning of the file */
  delimiter?: string;
  /** a label of the Encoding Standard; by default from the byte order mark, or UTF-8 */
  charset?: string;
  signal?: AbortSignal;
}

/**
 * Summarizes a CSV file (RFC 4180, with a header) while it arrives: memory use does not grow with the file.
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
    // Closes the connection if the rest of the file is not needed.
    source.destroy();
  }
}
