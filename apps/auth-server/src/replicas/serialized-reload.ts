import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs one reading at a time: all callers during a reading share the next one, so that the newest reading is the last
 * one and has seen everything from before it was requested.
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
