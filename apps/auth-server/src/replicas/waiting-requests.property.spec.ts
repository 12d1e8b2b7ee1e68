import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { waitPreferredBy } from './waiting-requests.ts';

const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

describe('Prefer: wait', () => {
  it('is read among other preferences [waiting-requests, RFC 7240 §4.3]', () => {
    const other = fc.constantFrom('respond-async', 'return=minimal', 'handling="a b"; foo', 'waiting=5', 'x-wait=5');
    const others = fc.array(other, { maxLength: 3 });
    const seconds = fc.oneof(fc.nat(100), fc.nat(999_999_999));
    fc.assert(
      fc.property(others, others, seconds, fc.constantFrom(', ', ',', ' , '), (before, after, seconds, comma) => {
        expect(waitPreferredBy([...before, `wait=${seconds}`, ...after].join(comma))).toBe(Math.min(seconds, 60));
        expect(waitPreferredBy([...before, ...after].join(comma))).toBe(0);
      }),
    );
  });

  it('is a wait of at most a minute, whatever it says [waiting-requests, RFC 7240 §4.3]', () => {
    const parts = fc.constantFrom('wait', '=', 'wait=', '1', '9', '-', '.', 'e', ',', ';', ' ', '"', 'Infinity', '\n');
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: parts }), fc.constant(undefined)),
        (text) => {
          const seconds = waitPreferredBy(text);
          expect(Number.isInteger(seconds) && seconds >= 0 && seconds <= 60).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each(['wait=', ' wait', 'wait=1', ',wait=1x', ';wait=', ' ', ',', '1', 'wait=1111111111 '])(
    'is found or not in 100,000 characters of %j [waiting-requests, RFC 7240 §4.3]',
    (piece) => {
      expect(waitPreferredBy(`${long(piece)}x`)).toBe(0);
      expect(waitPreferredBy(`${long(piece)}, wait=7`)).toBe(7);
      expect(waitPreferredBy(`wait=${long(piece)}`)).toBe(0);
    },
  );
});
