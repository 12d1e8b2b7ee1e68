import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Command } from 'commander';
import fc from 'fast-check';
import type { Server } from '../server.ts';
import { addToken } from './token.ts';

const server = {
  issuer: 'https://auth.example',
  fetch: () => Promise.resolve(Response.json({ keys: [] })),
} as unknown as Server;

/** The output of `token inspect` for a token that is not valid, or its refusal; throws any other error. */
async function inspect(token: string, ...options: string[]): Promise<string> {
  let printed = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  const program = new Command().exitOverride();
  addToken(program, server);
  try {
    await program.parseAsync(['token', 'inspect', ...options, '--', token], { from: 'user' });
    expect(process.exitCode).toBe(1);
  } catch (error) {
    if ((error as Error).message !== 'this is not a JWT' || printed !== '') throw error;
    return 'this is not a JWT';
  } finally {
    process.exitCode = undefined;
    jest.restoreAllMocks();
  }
  return printed;
}
afterEach(() => void jest.restoreAllMocks());

const base64url = (text: string) => Buffer.from(text).toString('base64url');
const tokenOf = (header: string, claims: string) => `${base64url(header)}.${base64url(claims)}.c2lnbmF0dXJl`;
const anyText = fc.string({ unit: 'binary' });
const anyJson = fc.oneof(
  fc.json(),
  fc.constantFrom('1e999', '-1e999', '1e20', '-1', '0.5', 'null', '"\\u001b[2J"', '"a\\nb"'),
);
const claims = fc
  .dictionary(fc.oneof(fc.constantFrom('exp', 'iat', 'nbf', 'aud', 'iss', 'sub', '__proto__'), anyText), anyJson)
  .map(
    (claims) =>
      `{${Object.entries(claims)
        .map(([name, value]) => `${JSON.stringify(name)}:${value}`)
        .join(',')}}`,
  );
const header = fc.constantFrom(
  '{"alg":"ES256","typ":"at+jwt","kid":"k1"}',
  '{"alg":"none"}',
  '{"alg":1}',
  '{"kid":"\\u001b[2J"}',
  '{"alg":"ES256","crit":["\\u009b2J"],"\\u009b2J":1}',
);

describe('token inspect', () => {
  it('shows the claims of any token, or says that it is not one [token-inspection, Lanyard]', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(header, anyJson),
        fc.oneof({ weight: 4, arbitrary: claims }, anyJson, anyText),
        async (header, claims) => {
          expect(await inspect(tokenOf(header, claims))).toMatch(/^(not valid: |this is not a JWT$)/);
          expect(await inspect(tokenOf(header, claims), '--json')).toMatch(
            /^(\{\n  "valid": false,\n|this is not a JWT$)/,
          );
        },
      ),
    );
  });

  it('shows only text, even if a token contains control characters [token-inspection, Lanyard]', async () => {
    await fc.assert(
      fc.asyncProperty(header, claims, async (header, claims) => {
        const shown = await inspect(tokenOf(header, claims));
        expect(shown.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
      }),
    );
  });

  it('refuses text that is not a token [token-inspection, Lanyard]', async () => {
    const similar = fc.array(fc.oneof(fc.base64String(), anyText), { maxLength: 5 }).map((parts) => parts.join('.'));
    await fc.assert(
      fc.asyncProperty(fc.oneof(anyText, similar), async (text) => {
        expect(await inspect(text)).toBe('this is not a JWT');
      }),
    );
  });

  it.each(['.', 'a.', 'a', '=', 'Bearer ', ' ', 'e30.'])(
    'refuses 100,000 characters of %j [token-inspection, Lanyard]',
    async (piece) => {
      expect(await inspect(piece.repeat(Math.ceil(100_000 / piece.length)))).toBe('this is not a JWT');
    },
  );
});
