import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { retryAfterOf } from './retry-after.ts';

const now = Date.parse('2026-01-31T12:00:00Z');
const waitOf = (value: string) => retryAfterOf(new Headers({ 'retry-after': value }), now);
const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

/** The characters that a header may have. */
const character = fc
  .oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff }), fc.constant(9))
  .map((code) => String.fromCodePoint(code));

describe('Retry-After', () => {
  it('is a wait of at most half a minute, or none, whatever its value [retry-after, RFC 9110 §10.2.3]', () => {
    const parts = fc.constantFrom('1', '9', '-', '+', '.', 'e', ':', ',', ' ', 'Jan', 'GMT', 'Z', 'Infinity', '(', ')');
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: character }), fc.string({ unit: parts })), (value) => {
        const wait = waitOf(value) ?? 0;
        expect(wait >= 0 && wait <= 30).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('may be a number of seconds [retry-after, RFC 9110 §10.2.3]', () => {
    fc.assert(
      fc.property(fc.oneof(fc.nat(60), fc.maxSafeNat()), (seconds) => {
        expect(waitOf(String(seconds))).toBe(Math.min(seconds, 30));
      }),
    );
  });

  it('may be a date [retry-after, RFC 9110 §10.2.3]', () => {
    const seconds = fc.oneof(fc.integer({ min: -60, max: 60 }), fc.integer({ min: -1e9, max: 1e9 }));
    fc.assert(
      fc.property(seconds, (seconds) => {
        const date = new Date(now + seconds * 1000).toUTCString();
        expect(waitOf(date)).toBe(Math.min(Math.max(seconds, 0), 30));
      }),
    );
  });

  it.each(['1', '0', 'a', ',', ' 1', '(', '()', '1:', '-1', 'Jan ', 'Sat, ', '.1', 'Z+'])(
    'is read in 100,000 characters of %j [retry-after, RFC 9110 §10.2.3]',
    (piece) => {
      for (const text of [long(piece), `${long(piece)}x`, `Sat, 31 Jan 2026 ${long(piece)}`]) {
        const wait = waitOf(text) ?? 0;
        expect(wait >= 0 && wait <= 30).toBe(true);
      }
    },
  );
});
