import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Does work after each period until it is stopped. What fails is told, and done again the next time.
 * @param period  ms, asked for each time
 * @returns stops it; work under way goes on to its end
 */
export function repeat(
  period: () => number,
  work: () => Promise<void> | void,
  failed: (error: unknown) => void,
): () => void {
  const stopped = new AbortController();
  const waited = () => sleep(period(), true, { signal: stopped.signal, ref: false }).catch(() => false);
  const run = async () => {
    while (await waited()) {
      try {
        await work();
      } catch (error) {
        failed(error);
      }
    }
  };
  void run();
  return () => stopped.abort();
}
