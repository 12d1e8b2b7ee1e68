import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, SignJWT, type JWK } from 'jose';
import { InvalidTokenError, issueAccessToken, RememberingValidator, type IssuerKeys } from './index.ts';
import { randomIdentifier } from './random-identifier.ts';

const issuer = 'https://auth.example';
const audience = 'https://jobs.example';
const now = 1_700_000_000;
const at = (seconds: number) => new Date((now + seconds) * 1000);
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk: JWK = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' };
const grant = { clientId: 'batch-processor', audience, scope: 'jobs:read', lifetime: 600 };
const token = (changes: object = {}) =>
  issueAccessToken(issuer, { kid: 'k1', privateKey }, { ...grant, ...changes }, now).token;

/** Counts how often a key is requested: once for each signature that is checked. */
class CountedKeys implements IssuerKeys {
  asked = 0;
  keySet = createLocalJWKSet({ keys: [jwk] });
  readonly getKey: IssuerKeys['getKey'] = (header, jws) => {
    this.asked += 1;
    return this.keySet(header, jws);
  };
}
let keys: CountedKeys;
const create = (options: { remembered?: number } = {}) =>
  new RememberingValidator(keys, { issuer, audience, ...options });

beforeEach(() => {
  keys = new CountedKeys();
});

describe('RememberingValidator', () => {
  it('checks the signature of a token once, however often it is sent', async () => {
    const validator = create();
    const one = token();
    const first = await validator.validate(one, at(0));
    for (let i = 0; i < 1000; i++) expect(await validator.validate(one, at(i % 600))).toEqual(first);
    expect([first.clientId, [...first.scopes], keys.asked]).toEqual(['batch-processor', ['jobs:read'], 1]);
  });

  it('refuses a remembered token as soon as it has expired [token-times, RFC 7519 §4.1]', async () => {
    const validator = create();
    const one = token();
    await validator.validate(one, at(604));
    await expect(validator.validate(one, at(605))).rejects.toThrow('the access token expired');
  });

  it('refuses a remembered token before its `nbf`, if the clock was set back', async () => {
    const validator = create();
    const claims = {
      client_id: 'c',
      jti: 'j',
      sub: 'c',
      iss: issuer,
      aud: audience,
      iat: now,
      exp: now + 600,
      nbf: now,
    };
    const one = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k1' })
      .sign(privateKey);
    await validator.validate(one, at(0));
    await expect(validator.validate(one, at(-6))).rejects.toThrow(InvalidTokenError);
  });

  it('refuses a remembered token whose key was withdrawn', async () => {
    const validator = create();
    const one = token();
    await validator.validate(one, at(0));
    keys.keySet = createLocalJWKSet({ keys: [] });
    await expect(validator.validate(one, at(1))).rejects.toThrow(InvalidTokenError);
  });

  it('does not remember a token that was validated while the keys changed', async () => {
    const validator = create();
    const one = token();
    const validating = validator.validate(one, at(0));
    keys.keySet = createLocalJWKSet({ keys: [] });
    await Promise.allSettled([validating]);
    await expect(validator.validate(one, at(1))).rejects.toThrow(InvalidTokenError);
  });

  it('accepts no other signature for a token that it remembers [signature, RFC 7518 §3.4]', async () => {
    const validator = create();
    const one = token();
    await validator.validate(one, at(0));
    const [header, payload] = one.split('.');
    const other = token().split('.')[2];
    await expect(validator.validate(`${header}.${payload}.${other}`, at(1))).rejects.toThrow(InvalidTokenError);
  });

  it('remembers no token that is not valid', async () => {
    const validator = create({ remembered: 1 });
    const one = token();
    await validator.validate(one, at(0));
    const foreign = token({ audience: 'https://other.example' });
    for (let i = 0; i < 3; i++) await expect(validator.validate(foreign, at(0))).rejects.toThrow(InvalidTokenError);
    expect(keys.asked).toBe(4);
    await validator.validate(one, at(0));
    expect(keys.asked).toBe(4);
  });

  it.each([
    ['up to the limit, the most recently used', 2, [1, 2, 2, 3, 3, 4]],
    ['none at all', 0, [1, 2, 3, 4, 5, 6]],
  ])('remembers %s', async (_, remembered, asked) => {
    const validator = create({ remembered });
    const [a, b, c] = [token(), token(), token()];
    const counts: number[] = [];
    for (const one of [a, b, a, c, a, b]) {
      await validator.validate(one, at(0));
      counts.push(keys.asked);
    }
    expect(counts).toEqual(asked);
  });

  it('does not show a request the changes that another made to the same token', async () => {
    const validator = create();
    const one = token();
    for (let i = 0; i < 3; i++) {
      const found = await validator.validate(one, at(0));
      expect([found.clientId, [...found.scopes]]).toEqual(['batch-processor', ['jobs:read']]);
      Object.assign(found, { clientId: 'other' });
      (found.scopes as Set<string>).add('jobs:write');
      expect(() => Object.assign(found.claims, { scope: 'other' })).toThrow(TypeError);
    }
    expect(keys.asked).toBe(1);
  });

  it('remembers nothing if changes of the keys are unknown', async () => {
    const source = { getKey: keys.getKey, keySet: undefined };
    const validator = new RememberingValidator(source, { issuer, audience });
    const one = token();
    for (let i = 0; i < 3; i++) await validator.validate(one, at(0));
    expect(keys.asked).toBe(3);
  });
});

describe('randomIdentifier', () => {
  it('returns 128 bits, and never the same twice', () => {
    const found = Array.from({ length: 10_000 }, () => randomIdentifier());
    expect(new Set(found).size).toBe(found.length);
    expect(found.filter((one) => !/^[\w-]{21}[AQgw]$/.test(one))).toEqual([]);
  });
});
