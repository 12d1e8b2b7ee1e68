import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { issueAccessToken, signJwt, type AccessToken } from '@lanyard/access-token';
import fc from 'fast-check';
import { createLocalJWKSet } from 'jose';
import type { AuthServerConfiguration } from '../configuration.ts';
import type { RegistryChanges } from '../replicas/registry-changes.ts';
import type { SigningKeys } from '../signing-keys/signing-keys.ts';
import { hasForeignJti, IssuedTokens } from './issued-tokens.ts';

const ISSUER = 'https://auth.example';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = { kid: 'k1', privateKey };
const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' }] };
/** An instance that has not read new keys yet. */
const issuedTokens = (requireCaughtUp = () => Promise.resolve()) =>
  new IssuedTokens(
    { jwks, getKey: createLocalJWKSet(jwks) } as unknown as SigningKeys,
    { requireCaughtUp } as RegistryChanges,
    { ISSUER } as AuthServerConfiguration,
  );
const validated = async (token: string) => {
  const tokens = issuedTokens();
  return [await tokens.validate(token), await tokens.validateWithFreshKeys(token)];
};

const anyText = fc.string({ unit: 'binary' });
const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

describe('a token of this server', () => {
  it('is validated, whichever resource it is for [introspection-of-own-tokens, RFC 7662 §4]', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, anyText, async (clientId, audience) => {
        const { token, claims } = issueAccessToken(ISSUER, key, { clientId, audience, scope: 'a', lifetime: 60 });
        const found = (await validated(token)) as AccessToken[];
        expect(found.map((token) => token.claims)).toEqual([claims, claims]);
        expect(found.map(hasForeignJti)).toEqual([false, false]);
      }),
    );
  });

  it('cannot be any other text, and no text throws an error [inactive-says-nothing, RFC 7662 §2.2]', async () => {
    const json = fc.oneof(fc.json(), fc.constantFrom('{"aud":"a"}', '{"alg":"ES256","typ":"at+jwt","kid":"k2"}'));
    const part = fc.oneof(
      json.map((text) => Buffer.from(text).toString('base64url')),
      fc.base64String(),
      anyText,
    );
    const similar = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.'));
    await fc.assert(
      fc.asyncProperty(fc.oneof(anyText, similar), async (text) => {
        expect(await validated(text)).toEqual([undefined, undefined]);
      }),
      { numRuns: 300 },
    );
  });

  it('is not a JWT that its key signed without the required claims [inactive-says-nothing, RFC 7662 §2.2]', async () => {
    const claims = fc.record(
      {
        iss: fc.constant(ISSUER),
        aud: fc.oneof(anyText, fc.jsonValue()),
        exp: fc.constant(4e9),
        sub: fc.jsonValue(),
        jti: anyText,
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.oneof(claims, fc.object()), fc.constantFrom('k1', 'k2', ''), async (claims, kid) => {
        const token = signJwt({ alg: 'ES256', typ: 'at+jwt', kid }, claims, privateKey);
        expect(await validated(token)).toEqual([undefined, undefined]);
      }),
    );
  });

  it.each(['.', 'a.', 'a', '=', 'e30.', ' ', 'é'])(
    'does not have 100,000 characters of %j [inactive-says-nothing, RFC 7662 §2.2]',
    async (piece) => {
      expect(await validated(long(piece))).toEqual([undefined, undefined]);
    },
  );
});

describe('tokens that name an unknown key', () => {
  it('cause a reading of the keys only now and then, however many they are [unknown-kid-cooldown, Lanyard]', async () => {
    let readings = 0;
    const counting = issuedTokens(async () => {
      readings += 1;
    });
    const begun = performance.now();
    const flood = async (flood: number) => {
      for (let i = 0; i < 10; i++) {
        const token = signJwt({ alg: 'ES256', typ: 'at+jwt', kid: `${flood} ${i}` }, { aud: 'a' }, privateKey);
        expect(await counting.validateWithFreshKeys(token)).toBeUndefined();
        expect(await counting.validate(token)).toBeUndefined();
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, i) => flood(i)));
    // 20 a second for tokens to revoke, one a second for others.
    expect(readings).toBeLessThanOrEqual(((performance.now() - begun) * 21) / 1000 + 2);
  });
});

describe('a foreign jti', () => {
  const isForeign = (jti: string) => hasForeignJti({ claims: { jti } } as AccessToken);

  it('is one that this server does not issue [foreign-jti, Lanyard]', () => {
    const own = fc.string({ unit: fc.constantFrom('a', 'Z', '0', '_', '-'), minLength: 1, maxLength: 64 });
    const almost = fc.string({ unit: fc.constantFrom('a', '.', '\n', '\0', 'é', ' '), minLength: 1 });
    fc.assert(
      fc.property(own, almost, (own, almost) => {
        expect(isForeign(own)).toBe(false);
        expect(isForeign(own + almost)).toBe(/[^a]/.test(almost) || own.length + almost.length > 64);
      }),
    );
  });

  it.each(['a', '-', '\n', 'é'])('has 100,000 characters of %j [foreign-jti, Lanyard]', (piece) => {
    expect([long(piece), `${long(piece)}!`].map(isForeign)).toEqual([true, true]);
  });
});
