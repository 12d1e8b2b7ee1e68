import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs work after each period until it is stopped. Failures are reported, and the work runs again the next time.
 * @param period  ms, called each time
 * @returns stops the repetition; work in progress runs to its end
 */
export function repeat(
  period: () => number,
  work: () => Promise<void> | void,
  onError: (error: unknown) => void,
): () => void {
  const stopped = new AbortController();
  const waited = () => sleep(period(), true, { signal: stopped.signal, ref: false }).catch(() => false);
  const run = async () => {
    while (await waited()) {
      try {
        await work();
      } catch (error) {
        onError(error);
      }
    }
  };
  void run();
  return () => stopped.abort();
}
