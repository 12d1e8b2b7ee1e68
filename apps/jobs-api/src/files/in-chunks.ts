/** Bytes. */
export const chunkSize = 256 * 1024;

/** A chunk is yielded after this time even if it is not full, ms. */
const chunkTime = 30_000;

/**
 * Collects the pieces that the network delivers into chunks of one size. A slow sender yields smaller chunks, which
 * show that the upload is alive. A chunk is valid only until the next one is requested: all chunks share one buffer.
 * @param announced  the length of the whole, if known
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
