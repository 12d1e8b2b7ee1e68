import { randomFillSync } from 'node:crypto';

const size = 16;
/** Filled in bulk: a call to the generator costs far more than the bytes (docs/decisions/0014). */
const pool = Buffer.alloc(256 * size);
let next = pool.length;

/** @returns 128 random bits, base64url */
export function randomIdentifier(): string {
  if (next === pool.length) {
    randomFillSync(pool);
    next = 0;
  }
  next += size;
  return pool.toString('base64url', next - size, next);
}
