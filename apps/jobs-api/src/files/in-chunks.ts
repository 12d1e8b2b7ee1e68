/** Bytes. */
export const chunkSize = 256 * 1024;

/** How long a chunk may be gathered, ms. */
const chunkTime = 30_000;

/**
 * Gathers what the network delivers into chunks of one size; smaller ones of a slow sender, so that it shows that it goes on.
 * Each chunk is there until the next one is asked for: all are gathered in the same buffer.
 * @param announced  the length of the whole, where that is known
 */
export async function* inChunks(content: AsyncIterable<Buffer>, announced?: number): AsyncGenerator<Buffer> {
  const chunk = Buffer.allocUnsafeSlow(Math.min(announced || chunkSize, chunkSize));
  let length = 0;
  let begun = performance.now();
  for await (const piece of content) {
    for (let taken = 0; taken < piece.length;) {
      const copied = piece.copy(chunk, length, taken);
      taken += copied;
      length += copied;
      if (length < chunk.length && performance.now() - begun < chunkTime) continue;
      yield chunk.subarray(0, length);
      [length, begun] = [0, performance.now()];
    }
  }
  if (length > 0) yield chunk.subarray(0, length);
}
