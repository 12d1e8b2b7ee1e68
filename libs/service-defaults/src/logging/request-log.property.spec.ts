import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { requestIdOf } from './request-log.ts';

const idOf = (header?: string | string[]) =>
  requestIdOf({ headers: { 'x-request-id': header } } as unknown as IncomingMessage);
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));
const harmless = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-'.split('');

describe('X-Request-Id', () => {
  it('is kept if it is harmless, and otherwise replaced by a new one [request-id, Lanyard]', () => {
    const almost = fc.string({ unit: fc.constantFrom('a', 'Z', '0', '.', '_', '-', ' ', '\n', '"', 'é') });
    const lengthy = fc.string({ unit: fc.constantFrom(...harmless), minLength: 60, maxLength: 70 });
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), almost, lengthy), (text) => {
        const isHarmless =
          text.length >= 1 && text.length <= 64 && text.split('').every((unit) => harmless.includes(unit));
        expect(idOf(text)).toEqual(isHarmless ? text : expect.stringMatching(uuid));
      }),
    );
  });

  it('is a new one each time if there is none, or several [request-id, Lanyard]', () => {
    fc.assert(
      fc.property(
        fc.option(fc.array(fc.string({ unit: fc.constantFrom(...harmless) })), { nil: undefined }),
        (several) => {
          const id = idOf(several);
          expect(id).toMatch(uuid);
          expect(idOf(several)).not.toBe(id);
        },
      ),
    );
  });

  it.each(['a', '-', 'a ', '\r\n', 'é'])('is not 100,000 characters of %j [request-id, Lanyard]', (piece) => {
    expect(idOf(long(piece))).toMatch(uuid);
    expect(idOf(`${long(piece)}!`)).toMatch(uuid);
  });
});
