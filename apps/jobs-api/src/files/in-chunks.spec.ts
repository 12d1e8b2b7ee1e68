import { createHash, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { leftOf } from '@lanyard/service-defaults/kept-pieces.fixture';
import { chunkSize, inChunks } from './in-chunks.ts';

afterEach(() => void jest.restoreAllMocks());

async function* inPieces(content: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let start = 0; start < content.length; start += size) yield content.subarray(start, start + size);
}
const digest = () => createHash('sha256');

describe('a file', () => {
  it.each([
    ['in pieces of one byte', chunkSize + 10, 1, [chunkSize, 10]],
    ['in pieces that end with a chunk', 2 * chunkSize, 64 * 1024, [chunkSize, chunkSize]],
    ['in pieces that end elsewhere', 2 * chunkSize, 100_000, [chunkSize, chunkSize]],
    ['in a piece of several chunks', 2 * chunkSize + 5, 3 * chunkSize, [chunkSize, chunkSize, 5]],
    ['that is smaller than a chunk', 1000, 300, [1000]],
    ['that is empty', 0, 1, []],
  ])('%s is divided into chunks of one size', async (_, size, pieceSize, sizes) => {
    const content = randomBytes(size);
    for (const announced of [undefined, size]) {
      const found = [];
      const hash = digest();
      for await (const chunk of inChunks(inPieces(content, pieceSize), announced)) {
        found.push(chunk.length);
        hash.update(chunk);
      }
      expect(found).toEqual(sizes);
      expect(hash.digest('hex')).toBe(digest().update(content).digest('hex'));
    }
  });

  it('of a slow sender is divided into smaller chunks, one every half minute', async () => {
    let now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now);
    const slow = async function* () {
      for (let i = 0; i < 5; i++, now += 16_000) yield Buffer.alloc(10);
    };
    const sizes = [];
    for await (const { length } of inChunks(slow())) sizes.push(length);
    expect(sizes).toEqual([30, 20]);
  });

  it('in pieces of one byte takes no more memory than a chunk [body-pieces, Lanyard]', async () => {
    const pieces: WeakRef<Buffer>[] = [];
    let kept: number | undefined;
    const content = async function* () {
      for (let i = 0; i < 2000; i++) {
        const piece = Buffer.alloc(1);
        pieces.push(new WeakRef(piece));
        yield piece;
      }
      kept = await leftOf(pieces);
    };
    for await (const _ of inChunks(content()));
    expect(kept).toBeLessThan(20);
  });
});
