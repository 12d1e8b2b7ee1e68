/**
 * Reads in turn: whoever asks during a reading waits for the next one, however many they are, so that the newest reading
 * is the last one and has seen everything from before it was asked for.
 */
export function coalesced(read: () => Promise<void>): () => Promise<void> {
  let [reading, next]: (Promise<void> | undefined)[] = [];
  return () => {
    next ??= (reading ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => {
        reading = next;
        next = undefined;
        return read();
      });
    return next;
  };
}
