/** The file is no CSV that could be summarized: another attempt cannot help. */
export class InvalidCsvError extends Error {
  override readonly name = 'InvalidCsvError';
}
