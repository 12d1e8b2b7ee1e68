/**
 * How long to wait before the next attempt, doubled each time up to a limit.
 * @param doublings  0 for the first wait
 * @param first      how long that is, in any unit; the result has the same
 * @param longest    the longest wait
 * @param jitter     which part of it may be taken off by chance, so that many callers do not come back at once; default 0
 */
export const backoff = (doublings: number, first: number, longest: number, jitter = 0): number =>
  Math.min(first * 2 ** doublings, longest) * (1 - jitter * Math.random());
