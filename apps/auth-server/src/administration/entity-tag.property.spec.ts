import { describe, expect, it } from '@jest/globals';
import { HttpException } from '@nestjs/common';
import fc from 'fast-check';
import { entityTagOf, requireMatch } from './entity-tag.ts';

/** 200 if the change may be made, otherwise the status of the refusal; rethrows any error other than a problem. */
function statusOf(ifMatch: string | undefined, representation: object | undefined): number {
  try {
    requireMatch(ifMatch, representation);
    return 200;
  } catch (error) {
    if (error instanceof HttpException) return error.getStatus();
    throw error;
  }
}

const representation = fc.dictionary(fc.string(), fc.jsonValue());
const otherTag = fc
  .string({ unit: fc.constantFrom('a', '!', '#', '\\', 'é', '*'), maxLength: 30 })
  .chain((text) => fc.constantFrom(`"${text}"`, `W/"${text}"`, text.replaceAll('*', ''), ''));
const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

describe('If-Match', () => {
  it('admits only a change that was meant for this state [conditional-requests, RFC 9110 §13.1.1]', () => {
    const tags = fc.array(otherTag, { maxLength: 4 });
    const comma = fc.constantFrom(',', ', ', ' ,\t');
    fc.assert(
      fc.property(tags, tags, comma, representation, representation, (before, after, comma, now, other) => {
        const tag = entityTagOf(now);
        expect(tag).toMatch(/^"[\w-]{22}"$/);
        const listed = (...found: string[]) => [...before, ...found, ...after].join(comma);
        expect(statusOf(listed(tag), now)).toBe(200);
        expect(statusOf(listed('*'), now)).toBe(200);
        expect(statusOf(listed(`W/${tag}`), now)).toBe(412);
        expect(statusOf(listed(tag.slice(1, -1)), now)).toBe(412);
        expect(statusOf(listed(tag), undefined)).toBe(412);
        expect(statusOf(listed(tag), other)).toBe(JSON.stringify(other) === JSON.stringify(now) ? 200 : 412);
        expect(statusOf(undefined, now)).toBe(200);
      }),
    );
  });

  it('may be any text [conditional-requests, RFC 9110 §13.1.1]', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), representation, (text, now) => {
        const isAny = text.split(',').some((tag) => tag.trim() === '*');
        expect(statusOf(text, now)).toBe(isAny ? 200 : 412);
      }),
    );
  });

  it.each([',', ' ', '"', '",', 'W/"', 'a,', '\\'])(
    'is read in 100,000 characters of %j [conditional-requests, RFC 9110 §13.1.1]',
    (piece) => {
      expect(statusOf(long(piece), { a: 1 })).toBe(412);
      expect(statusOf(`${long(piece)}, ${entityTagOf({ a: 1 })}`, { a: 1 })).toBe(200);
    },
  );
});
