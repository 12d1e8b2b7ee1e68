/**
 * Exponential back-off: how long to wait before the next attempt.
 * @param doublings  0 for the first wait
 * @param first      the first wait, in any unit; the result has the same unit
 * @param longest    the longest wait
 * @param jitter     the fraction that may be subtracted at random, so that callers do not all retry at once; default 0
 */
export const backoff = (doublings: number, first: number, longest: number, jitter = 0): number =>
  Math.min(first * 2 ** doublings, longest) * (1 - jitter * Math.random());
