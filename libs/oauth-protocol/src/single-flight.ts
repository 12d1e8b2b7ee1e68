/**
 * Lets one call run at a time: calls that arrive meanwhile share its outcome.
 * @returns the function with that behaviour
 */
export function singleFlight<Arguments extends unknown[], Result>(
  work: (...args: Arguments) => Promise<Result>,
): (...args: Arguments) => Promise<Result> {
  let pending: Promise<Result> | undefined;
  return (...args) => {
    pending ??= work(...args).finally(() => {
      pending = undefined;
    });
    return pending;
  };
}
