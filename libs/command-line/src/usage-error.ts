/** The command was called incorrectly: it did nothing, and the process exits with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
