import { describe, expect, it } from '@jest/globals';
import { HttpException } from '@nestjs/common';
import fc from 'fast-check';
import { parseIdempotencyKey } from './idempotency-key.ts';

/** The key, or the status with which it is refused; rethrows every error that is not a problem. */
function keyOrStatus(text: string): string | number | undefined {
  try {
    return parseIdempotencyKey(text);
  } catch (error) {
    if (error instanceof HttpException) return error.getStatus();
    throw error;
  }
}
const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));
const isVisible = (unit: string) => unit >= '!' && unit <= '~';

describe('Idempotency-Key', () => {
  it('is accepted unchanged if it is visible ASCII, and otherwise refused [idempotency-key, Lanyard]', () => {
    const visible = fc.constantFrom(...Array.from({ length: 94 }, (_, i) => String.fromCodePoint(33 + i)));
    const almost = fc.string({ unit: fc.constantFrom('a', '"', '\\', ' ', '\t', '\0', '\x7F', 'é') });
    const lengthy = fc.string({ unit: visible, minLength: 250, maxLength: 260 });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: visible }), almost, lengthy), (text) => {
        const isKey = text.length >= 1 && text.length <= 255 && text.split('').every(isVisible);
        expect(keyOrStatus(text)).toBe(isKey ? text : 400);
      }),
    );
  });

  it.each(['a', '~', ' ', '\0', 'é'])('is not 100,000 characters of %j [idempotency-key, Lanyard]', (piece) => {
    expect(keyOrStatus(long(piece))).toBe(400);
    expect(keyOrStatus(`${long(piece)}é`)).toBe(400);
  });
});
