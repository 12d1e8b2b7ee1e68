import { describe, expect, it } from '@jest/globals';
import { InvalidArgumentError } from 'commander';
import fc from 'fast-check';
import { positive } from './index.ts';

/** Undefined if the text is refused; throws any error that is not commander's. */
function positiveIn(text: string): number | undefined {
  try {
    return positive(text);
  } catch (error) {
    if (error instanceof InvalidArgumentError) return undefined;
    throw error;
  }
}

const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

describe('positive', () => {
  it('reads whole numbers above 0 as they are written [command-line-arguments, Lanyard]', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (number) => {
        expect(positiveIn(String(number))).toBe(number > 0 ? number : undefined);
      }),
    );
  });

  it('refuses everything else [command-line-arguments, Lanyard]', () => {
    const parts = fc.constantFrom('1', '0', '.', '-', 'e', 'x', ' ', '\n', 'Infinity', '_', 'n', '٣');
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: parts })), (text) => {
        const number = positiveIn(text);
        expect(number === undefined || (Number.isInteger(number) && number > 0)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it.each(['1', '0', ' ', '1 ', '-', '1.', 'e1', '0x'])(
    'reads or refuses 100,000 characters of %j [command-line-arguments, Lanyard]',
    (piece) => {
      expect(positiveIn(long(piece))).toBeUndefined();
      expect(positiveIn(`${long(piece)}!`)).toBeUndefined();
    },
  );
});
