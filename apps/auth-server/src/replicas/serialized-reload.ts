import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs one reading at a time: callers during a reading share the next one. So each caller waits for a reading that
 * begins after its call, and readings end in the order in which they began.
 * @param minInterval  the minimum time between the beginnings of two readings, ms
 */
export function serializedReload(read: () => Promise<void>, minInterval = 0): () => Promise<void> {
  let [reading, next]: (Promise<void> | undefined)[] = [];
  let begun = Number.NEGATIVE_INFINITY;
  return () => {
    next ??= (reading ?? Promise.resolve())
      .catch(() => undefined)
      .then(async () => {
        const pause = Math.min(minInterval, begun + minInterval - performance.now());
        if (pause > 0) await sleep(pause);
      })
      .then(() => {
        begun = performance.now();
        reading = next;
        next = undefined;
        return read();
      });
    return next;
  };
}
