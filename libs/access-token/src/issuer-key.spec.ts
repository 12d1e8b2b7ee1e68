import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { createLocalJWKSet, type JWK } from 'jose';
import {
  accessTokenAlgorithms,
  InvalidRevocationListError,
  InvalidTokenError,
  issueAccessToken,
  issueRevocationList,
  usableKeys,
  validateAccessToken,
  validateRevocationList,
} from './index.ts';

const issuer = 'https://auth.example';
const audience = 'https://jobs.example';
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = { kid: 'k1', privateKey: pair.privateKey };
const jwk = (changes: object = {}) => ({ ...pair.publicKey.export({ format: 'jwk' }), kid: 'k1', ...changes }) as JWK;
const rsa = (modulusLength: number) =>
  ({ ...generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' }), kid: 'k1' }) as JWK;
const small = rsa(1024);

const broken: [string, JWK][] = [
  ['without a coordinate', jwk({ x: undefined })],
  ['with a coordinate that is a number', jwk({ x: 5 })],
  ['with a coordinate that is too short', jwk({ x: 'AQ' })],
  ['with a point that is not on the curve', jwk({ x: Buffer.alloc(32, 1).toString('base64url') })],
  ['that is private', { ...pair.privateKey.export({ format: 'jwk' }), kid: 'k1' }],
  ['that is of another curve', jwk({ crv: 'P-384' })],
  ['that encrypts', jwk({ use: 'enc' })],
];

describe('a key under a known kid', () => {
  const { token } = issueAccessToken(issuer, key, { clientId: 'a', audience, scope: 'b', lifetime: 60 });
  const list = issueRevocationList(issuer, key, { cursor: 0, revocations: [] });

  it.each(broken)(
    '%s makes tokens and lists signed with it invalid, without another error [broken-key, Lanyard]',
    async (_, jwk) => {
      const keys = createLocalJWKSet({ keys: [jwk] });
      await expect(validateAccessToken(token, keys, { issuer, audience })).rejects.toThrow(InvalidTokenError);
      await expect(validateRevocationList(list, keys, { issuer })).rejects.toThrow(InvalidRevocationListError);
    },
  );

  it('that is too small makes a token invalid, without another error [broken-key, Lanyard]', async () => {
    const header = Buffer.from('{"alg":"RS256","typ":"at+jwt","kid":"k1"}').toString('base64url');
    const forged = token.replace(/^[^.]*/, header);
    const requirements = { issuer, audience, algorithms: ['RS256'] as const };
    const validated = validateAccessToken(forged, createLocalJWKSet({ keys: [small] }), requirements);
    await expect(validated).rejects.toThrow(InvalidTokenError);
  });

  it.each([
    ['the network fails', new TypeError('fetch failed')],
    ['it takes too long', new DOMException('too long', 'TimeoutError')],
  ])('is not broken if %s', async (_, failure) => {
    const getKey = () => Promise.reject(failure);
    await expect(validateAccessToken(token, getKey, { issuer, audience })).rejects.toBe(failure);
  });
});

describe('the usable keys of a JWK Set', () => {
  const usableOf = async (keys: JWK[]) => (await usableKeys({ keys }, accessTokenAlgorithms)).usable;

  it('are those of each accepted algorithm', async () => {
    const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
    const keys = [
      jwk(),
      { ...ed, kid: 'k2' },
      { ...rsa(2048), kid: 'k3' },
      jwk({ kid: 'k4', alg: 'ES256', use: 'sig' }),
    ];
    expect(await usableOf(keys)).toEqual(keys);
    const { usable, faults } = await usableKeys({ keys }, ['ES256']);
    expect(usable).toEqual([keys[0], keys[3]]);
    expect(faults).toEqual(['k2', 'k3'].map((kid) => `${kid}: it is for none of the accepted algorithms`));
  });

  it.each([
    ...broken,
    ['that is too small', small],
    ['without a kid', jwk({ kid: undefined })],
    ['of another algorithm', jwk({ alg: 'ES384' })],
    ['that is a secret', { kty: 'oct', k: 'AAAA', kid: 'k1', alg: 'HS256' }],
    ['that is none', null as unknown as JWK],
  ])('do not include one %s [usable-keys, Lanyard]', async (_, jwk) => {
    const good = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'good' };
    const { usable, faults } = await usableKeys({ keys: [jwk, good] }, accessTokenAlgorithms);
    expect([usable, faults.length]).toEqual([[good], 1]);
  });

  it('are found beside arbitrary other values [usable-keys, Lanyard]', async () => {
    const member = fc.constantFrom('kid', 'kty', 'crv', 'alg', 'use', 'x', 'y', 'n', 'e', 'k', 'key_ops', 'ext');
    const value = fc.oneof(fc.constantFrom('EC', 'RSA', 'P-256', 'ES256', 'RS256', 'k1', 'AQAB'), fc.jsonValue());
    const strange = fc.oneof(fc.dictionary(member, value), fc.jsonValue());
    const good = jwk({ kid: 'the good one' });
    await fc.assert(
      fc.asyncProperty(fc.array(strange), fc.array(strange), async (before, after) => {
        expect(await usableOf([...before, good, ...after] as JWK[])).toEqual([good]);
      }),
    );
  });

  it('are found at once even if a thousand share a kid [usable-keys, Lanyard]', async () => {
    const importKey = jest.spyOn(crypto.subtle, 'importKey');
    const many = Array.from({ length: 1000 }, () => jwk());
    const { usable, faults } = await usableKeys({ keys: [...many, jwk({ kid: 'k2' })] }, accessTokenAlgorithms);
    expect(usable).toEqual([jwk({ kid: 'k2' })]);
    expect(new Set(faults)).toEqual(new Set(['k1: 1000 keys have this kid']));
    expect(importKey.mock.calls.length).toBeLessThan(10);
    importKey.mockRestore();
  });

  it('do not include two that share a kid [usable-keys, Lanyard]', async () => {
    expect(await usableOf([jwk(), jwk({ kid: 'k2' }), jwk({ alg: 'ES256' })])).toEqual([jwk({ kid: 'k2' })]);
  });
});
