/** The file is not valid CSV, or cannot be summarized: another attempt cannot help. */
export class InvalidCsvError extends Error {
  override readonly name = 'InvalidCsvError';
}
