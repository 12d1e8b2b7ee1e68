import { describe, expect, it } from '@jest/globals';
import { OAuthError } from '@lanyard/oauth-protocol';
import fc from 'fast-check';
import type { FastifyReply } from 'fastify';
import type { Client } from '../../registry/client.entity.ts';
import { RevocationListController } from './revocation-list.controller.ts';
import type { RevocationState } from '../../revoked-tokens/revocation-state.ts';

/** Has every cursor. */
const revocations = {
  cursor: Number.MAX_SAFE_INTEGER,
  catchUp: () => Promise.resolve(),
  waiting: { wait: () => Promise.resolve() },
  isCurrent: () => Promise.resolve(true),
  list: (since?: number) => `since ${since}`,
} as unknown as RevocationState;
const reply = { header: () => reply, type: () => reply } as unknown as FastifyReply;
const resourceServer = { client: { resourceServerOf: ['https://a.example'] } as Client, grantId: '' };
const controller = new RevocationListController(revocations);
const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

/** The answer, or the code of the OAuthError; rethrows any other error. */
async function answerTo(cursor: unknown): Promise<string | undefined> {
  try {
    return await controller.list(resourceServer, cursor, undefined, reply);
  } catch (error) {
    if (error instanceof OAuthError) return error.code;
    throw error;
  }
}

describe('the cursor of the revocation list', () => {
  it('is read as it was sent [revocation-cursor, Lanyard]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.maxSafeNat(), async (cursor) => {
        expect(await answerTo(String(cursor))).toBe(`since ${cursor}`);
      }),
    );
    expect(await answerTo(undefined)).toBe('since undefined');
  });

  it('cannot be any other text, nor repeated [revocation-cursor, Lanyard]', async () => {
    const parts = fc.constantFrom('1', '-', '+', '.', 'e', 'x', ' ', '\n', '"', 'Infinity', '٣');
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: parts }));
    await fc.assert(
      fc.asyncProperty(fc.oneof(text, fc.array(fc.constant('1')), fc.anything()), async (cursor) => {
        const isCursor = typeof cursor === 'string' && /^[0-9]{1,16}$/.test(cursor);
        const expected =
          isCursor || cursor === undefined ? expect.stringMatching(/^since \d+$|^since undefined$/) : 'invalid_request';
        expect(await answerTo(cursor)).toEqual(expected);
      }),
    );
  });

  it.each(['1', '0', ' ', '-', '1 ', 'é'])(
    'does not have 100,000 characters of %j [revocation-cursor, Lanyard]',
    async (piece) => {
      expect(await answerTo(long(piece))).toBe('invalid_request');
      expect(await answerTo(`${long(piece)}!`)).toBe('invalid_request');
    },
  );
});
