import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { AccessTokenType } from '@lanyard/oauth-protocol';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, exportJWK, jwtVerify, SignJWT } from 'jose';
import {
  fromDer,
  InvalidTokenError,
  issueAccessToken,
  validateAccessToken,
  type AccessTokenGrant,
  type SigningKey,
} from './index.ts';

const issuer = 'https://auth.example';
const audience = 'https://jobs.example';
const now = 1_700_000_000;
const grant: AccessTokenGrant = { clientId: 'batch-processor', audience, scope: 'jobs:read jobs:write', lifetime: 600 };

let key: SigningKey;
let publicKey: KeyObject;
let getKey: ReturnType<typeof createLocalJWKSet>;
const at = (seconds: number) => new Date(seconds * 1000);
const validate = (token: string, seconds = now) =>
  validateAccessToken(token, getKey, { issuer, audience }, at(seconds));
const claims = (changes: object = {}) => ({
  ...issueAccessToken(issuer, key, grant, now).claims,
  ...changes,
});
const sign = (payload: object, header: object = {}, { privateKey } = key) =>
  new SignJWT({ ...payload })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k1', ...header })
    .sign(privateKey, { crit: { x: true } });

beforeAll(async () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  key = { kid: 'k1', privateKey: pair.privateKey };
  publicKey = pair.publicKey;
  getKey = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }] });
});

describe('issueAccessToken', () => {
  it('issues header and claims [access-token-claims, RFC 9068 §2]', () => {
    const { token } = issueAccessToken(issuer, key, grant, now);
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: 'k1' });
    expect(decodeJwt(token)).toEqual({
      iss: issuer,
      sub: 'batch-processor',
      aud: audience,
      client_id: 'batch-processor',
      scope: 'jobs:read jobs:write',
      jti: expect.stringMatching(/^[\w-]{22}$/),
      iat: now,
      exp: now + 600,
    });
  });

  it('signs so that another library can verify, whatever the length of the two integers [signature, RFC 7518 §3.4]', async () => {
    for (let i = 0; i < 300; i++) {
      const { token } = issueAccessToken(issuer, key, grant, now);
      expect((await jwtVerify(token, publicKey, { currentDate: at(now) })).payload.iss).toBe(issuer);
    }
  });

  it('never uses a jti twice', () => {
    const ids = Array.from({ length: 100 }, () => issueAccessToken(issuer, key, grant).claims.jti);
    expect(new Set(ids).size).toBe(100);
  });
});

describe('fromDer', () => {
  it.each([
    ['two short integers', '3006020101020102', '01', '02'],
    ['a leading zero', `3025022100${'ff'.repeat(32)}020103`, 'ff'.repeat(32), '03'],
  ])('turns %s into 32 bytes each', (_, der, r, s) => {
    expect(fromDer(Buffer.from(der, 'hex')).toString('hex')).toBe(r.padStart(64, '0') + s.padStart(64, '0'));
  });
});

describe('validateAccessToken', () => {
  it('returns the content of a valid token [token-validation, RFC 9068 §4]', async () => {
    const { token, claims } = issueAccessToken(issuer, key, grant, now);
    expect(await validate(token)).toEqual({
      clientId: 'batch-processor',
      subject: 'batch-processor',
      scopes: new Set(['jobs:read', 'jobs:write']),
      expiresAt: now + 600,
      keyId: 'k1',
      claims,
    });
  });

  it.each<[string, () => string | Promise<string>]>([
    ['a token of another issuer [issuer, RFC 9068 §4]', () => sign(claims({ iss: 'https://other.example' }))],
    ['an issuer with an extra slash [issuer, RFC 9068 §4]', () => sign(claims({ iss: `${issuer}/` }))],
    ['a token for another audience [audience, RFC 9068 §4]', () => sign(claims({ aud: 'https://reports.example' }))],
    ['a token without audience [audience, RFC 9068 §4]', () => sign(claims({ aud: undefined }))],
    ['a token without expiry [token-times, RFC 7519 §4.1]', () => sign(claims({ exp: undefined }))],
    ['an expiry that is no number [token-times, RFC 7519 §4.1]', () => sign(claims({ exp: '9999999999' }))],
    ['a token that is not valid yet [token-times, RFC 7519 §4.1]', () => sign(claims({ nbf: now + 60 }))],
    ['a token without client_id', () => sign(claims({ client_id: undefined }))],
    ['a token without jti', () => sign(claims({ jti: undefined }))],
    ['a client_id that is no string', () => sign(claims({ client_id: ['a'] }))],
    ['a scope that is no string', () => sign(claims({ scope: ['jobs:read'] }))],
    ['typ JWT [explicit-type, RFC 9068 §4]', () => sign(claims(), { typ: 'JWT' })],
    ['a typ that is no text [explicit-type, RFC 9068 §4]', () => sign(claims(), { typ: 7 })],
    ['no typ [explicit-type, RFC 9068 §4]', () => sign(claims(), { typ: undefined })],
    [
      'another JWT of the same issuer [other-token-types, RFC 8725 §3.12]',
      () => sign(claims(), { typ: 'secevent+jwt' }),
    ],
    ['an unknown kid [kid-only-compared, RFC 8725 §3.10]', () => sign(claims(), { kid: 'k2' })],
    ['a kid in another case [kid-only-compared, RFC 8725 §3.10]', () => sign(claims(), { kid: 'K1' })],
    ['a kid that is a path to one [kid-only-compared, RFC 8725 §3.10]', () => sign(claims(), { kid: './k1' })],
    ['no kid', () => sign(claims(), { kid: undefined })],
    ['an unknown crit [critical-headers, RFC 7515 §4.1.11]', () => sign(claims(), { crit: ['x'], x: 1 })],
    ['alg none [algorithm-allow-list, RFC 8725 §3.1]', () => unsignedParts({ alg: 'none', typ: 'at+jwt', kid: 'k1' })],
    ['HS256 with the public key [algorithm-allow-list, RFC 8725 §3.1]', () => hmacWithPublicKey()],
    ['a tampered payload [signature, RFC 7518 §3.4]', () => tampered()],
    ['text that is no token', () => 'x'],
    ['nothing', () => ''],
  ])('refuses %s [token-validation, RFC 9068 §4]', async (_, token) => {
    await expect(validate(await token())).rejects.toThrow(
      expect.objectContaining({ name: 'InvalidTokenError', code: 'invalid_token', cause: expect.anything() }),
    );
  });

  it('ignores keys in the header of the token [header-keys-ignored, RFC 8725 §3.10]', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = await exportJWK(other.publicKey);
    const headerKeys = { jwk, jku: 'https://evil.example', x5u: 'https://evil.example', x5c: ['AAAA'] };
    const forged = await sign(claims(), headerKeys, { kid: 'k1', privateKey: other.privateKey });
    await expect(validate(forged)).rejects.toThrow(InvalidTokenError);
    await expect(validate(await sign(claims(), headerKeys))).resolves.toMatchObject({ keyId: 'k1' });
  });

  it('uses a key only with its own algorithm [key-per-algorithm, RFC 8725 §3.1]', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'PS256' }] });
    const outcome = async (alg: string) => {
      const token = await sign(claims(), { alg }, { kid: 'k1', privateKey });
      const algorithms = ['PS256', 'RS256'] as const;
      return validateAccessToken(token, keys, { issuer, audience, algorithms }, at(now));
    };
    await expect(outcome('PS256')).resolves.toMatchObject({ keyId: 'k1' });
    await expect(outcome('RS256')).rejects.toThrow(InvalidTokenError);
  });

  it.each([
    ['accepts a token until its expiry plus the tolerance', 600 + 4, true],
    ['refuses a token after that', 600 + 5, false],
  ])('%s [token-times, RFC 7519 §4.1]', async (_, age, valid) => {
    const { token } = issueAccessToken(issuer, key, grant, now);
    const outcome = validate(token, now + age).then(
      () => true,
      (error: InvalidTokenError) => error.description,
    );
    expect(await outcome).toBe(valid || 'the access token expired');
  });

  it('rethrows the error if keys cannot be obtained, and does not call the token invalid', async () => {
    const { token } = issueAccessToken(issuer, key, grant, now);
    const down = () => Promise.reject(new Error('down'));
    await expect(validateAccessToken(token, down, { issuer, audience }, at(now))).rejects.toThrow('down');
  });
});

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const unsignedParts = (header: object) => `${encode(header)}.${encode(claims())}.`;

function hmacWithPublicKey(): string {
  const input = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: 'k1' })}.${encode(claims())}`;
  const secret = publicKey.export({ type: 'spki', format: 'pem' });
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

function tampered(): string {
  const [header, , signature] = issueAccessToken(issuer, key, grant, now).token.split('.');
  return `${header}.${encode(claims({ scope: 'reports:read' }))}.${signature}`;
}

describe('the types of access tokens', () => {
  const accepts = async (types: readonly AccessTokenType[], typ: string | undefined) => {
    const token = await sign(claims(), { typ });
    return validateAccessToken(token, getKey, { issuer, audience, types }, at(now)).then(
      () => true,
      (error: unknown) => {
        expect(error).toBeInstanceOf(InvalidTokenError);
        return false;
      },
    );
  };

  it.each<[readonly AccessTokenType[], string[]]>([
    [['at+jwt'], ['at+jwt', 'AT+JWT', 'application/at+jwt']],
    [['JWT'], ['JWT', 'jwt', 'application/jwt']],
    [
      ['at+jwt', 'JWT'],
      ['at+jwt', 'AT+JWT', 'application/at+jwt', 'JWT', 'jwt', 'application/jwt'],
    ],
    [[], []],
  ])('%j are the only ones that are accepted [explicit-type, RFC 9068 §4]', async (types, accepted) => {
    const all = ['at+jwt', 'AT+JWT', 'application/at+jwt', 'JWT', 'jwt', 'application/jwt', '', 'secevent+jwt'];
    const found = [];
    for (const typ of all) if (await accepts(types, typ)) found.push(typ);
    expect(found).toEqual(accepted);
    expect(await accepts(types, undefined)).toBe(false);
  });

  it('are issued as requested, also by the same key [access-token-typ, Lanyard]', () => {
    const typOf = (typ?: AccessTokenType) =>
      decodeProtectedHeader(issueAccessToken(issuer, key, { ...grant, typ }).token);
    expect(['JWT', undefined, 'at+jwt', 'JWT'].map((typ) => typOf(typ as AccessTokenType).typ)).toEqual([
      'JWT',
      'at+jwt',
      'at+jwt',
      'JWT',
    ]);
  });
});
