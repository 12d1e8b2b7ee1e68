import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Reads in turn: whoever asks during a reading waits for the next one, however many they are, so that the newest reading
 * is the last one and has seen everything from before it was asked for.
 * @param least  the least time between the beginnings of two readings, ms
 */
export function serializedReload(read: () => Promise<void>, least = 0): () => Promise<void> {
  let [reading, next]: (Promise<void> | undefined)[] = [];
  let begun = Number.NEGATIVE_INFINITY;
  return () => {
    next ??= (reading ?? Promise.resolve())
      .catch(() => undefined)
      .then(async () => {
        const pause = Math.min(least, begun + least - performance.now());
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
