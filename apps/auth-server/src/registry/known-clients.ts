import { createHash } from 'node:crypto';

/**
 * A Bloom filter of the registered client identifiers: ten bits and seven positions each, so that at most one unknown
 * identifier in a hundred is looked up in the database, whoever floods the token endpoint with them.
 */
export class KnownClients {
  private readonly bits: Uint8Array;
  private readonly positions: number;

  /** @param capacity  for how many identifiers; with more, unknown ones are looked up more often */
  constructor(capacity: number) {
    this.bits = new Uint8Array(Math.ceil((capacity * 10) / 8));
    this.positions = this.bits.length * 8;
  }

  add(clientId: string): void {
    for (const position of this.positionsOf(clientId)) this.bits[position >> 3]! |= 1 << (position & 7);
  }

  mayHave(clientId: string): boolean {
    for (const position of this.positionsOf(clientId)) {
      if ((this.bits[position >> 3]! & (1 << (position & 7))) === 0) return false;
    }
    return true;
  }

  /** Two halves of one digest make as many hash functions as are needed. */
  private *positionsOf(clientId: string): Generator<number> {
    const digest = createHash('sha256').update(clientId).digest();
    const [start, step] = [digest.readUInt32LE(0), (digest.readUInt32LE(4) | 1) >>> 0];
    for (let i = 0; i < 7; i++) yield (start + i * step) % this.positions;
  }
}
