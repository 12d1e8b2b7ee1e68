/** @param share  0.5 for the median */
export function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** A median, and the middle half of the values around it. */
export interface Spread {
  median: number;
  from: number;
  to: number;
}

export const spreadOf = (values: readonly number[]): Spread => ({
  median: median(values),
  from: percentile(values, 0.25),
  to: percentile(values, 0.75),
});

/**
 * The ratio of the two values of each round: they were measured one right after the other, so a machine that is slow
 * for a while slows both.
 */
export const ratioOf = (values: readonly number[], base: readonly number[]): Spread =>
  spreadOf(values.map((value, round) => value / base[round]!));
