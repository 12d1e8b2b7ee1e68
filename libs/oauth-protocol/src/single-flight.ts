/**
 * Lets one call go on at a time: calls that come meanwhile share its outcome.
 * @returns the same function, as one flight
 */
export function singleFlight<Arguments extends unknown[], Result>(
  work: (...given: Arguments) => Promise<Result>,
): (...given: Arguments) => Promise<Result> {
  let underWay: Promise<Result> | undefined;
  return (...given) => {
    underWay ??= work(...given).finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}
