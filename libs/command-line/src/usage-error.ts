/** The command was not given what it needs: nothing was done, and the process ends with 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
