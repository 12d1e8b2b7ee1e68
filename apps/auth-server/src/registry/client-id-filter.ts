import { randomInt } from 'node:crypto';

/**
 * A Bloom filter of the registered client identifiers: ten bits and seven positions each, so that at most one unknown
 * identifier in a hundred is looked up in the database, even in a flood of them at the token endpoint. A check takes
 * the same time whether an identifier is known or not.
 */
export class ClientIdFilter {
  private readonly bits: Uint8Array;
  private readonly positions: number;
  private readonly seed = randomInt(2 ** 32);

  /** @param capacity  the number of identifiers; with more, unknown ones are looked up more often */
  constructor(capacity: number) {
    this.bits = new Uint8Array(Math.ceil((capacity * 10) / 8));
    this.positions = this.bits.length * 8;
  }

  add(clientId: string): void {
    let [position, step] = this.hashOf(clientId);
    for (let i = 0; i < 7; i++, position += step) {
      const at = position % this.positions;
      this.bits[at >> 3]! |= 1 << (at & 7);
    }
  }

  mayHave(clientId: string): boolean {
    let [position, step] = this.hashOf(clientId);
    let all = 1;
    for (let i = 0; i < 7; i++, position += step) {
      const at = position % this.positions;
      all &= this.bits[at >> 3]! >> (at & 7);
    }
    return all === 1;
  }

  /** FNV-1a with a seed, mixed twice: the first position, and the step from each position to the next. */
  private hashOf(clientId: string): [number, number] {
    let hash = this.seed;
    for (let i = 0; i < clientId.length; i++) hash = Math.imul(hash ^ clientId.charCodeAt(i), 0x01000193);
    return [mixed(hash) >>> 0, (mixed(hash ^ 0x9e3779b9) | 1) >>> 0];
  }
}

/** The finalizer of MurmurHash3: each bit of the result depends on every bit of the hash. */
function mixed(hash: number): number {
  let mix = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}
