import { generateKeyPairSync } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { RevocationListClaims } from '@lanyard/oauth-protocol';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, exportJWK, SignJWT } from 'jose';
import {
  InvalidRevocationListError,
  InvalidTokenError,
  issueAccessToken,
  issueRevocationList,
  RevokedTokens,
  revocationsIn,
  validateAccessToken,
  validateRevocationList,
  type Revocation,
  type SigningKey,
} from './index.ts';

const issuer = 'https://auth.example';
const now = 1_700_000_000;
const at = (seconds: number) => new Date(seconds * 1000);
const revocations: Revocation[] = [
  { kind: 'jti', id: 'a', until: now + 600 },
  { kind: 'jti', id: 'b', until: now + 600 },
  { kind: 'grant_id', id: 'c', until: now + 900 },
  { kind: 'kid', id: 'd', until: now + 900 },
];

let key: SigningKey;
let getKey: ReturnType<typeof createLocalJWKSet>;
const validate = (list: string, seconds = now) => validateRevocationList(list, getKey, { issuer }, at(seconds));
const sign = (payload: object, header: object = {}) =>
  new SignJWT({ ...payload })
    .setProtectedHeader({ alg: 'ES256', typ: 'revocations+jwt', kid: 'k1', ...header })
    .sign(key.privateKey);
const claims = (changes: object = {}) => ({
  ...decodeJwt<RevocationListClaims>(issueRevocationList(issuer, key, { cursor: 7, revocations }, now)),
  ...changes,
});

beforeAll(async () => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  key = { kid: 'k1', privateKey: pair.privateKey };
  getKey = createLocalJWKSet({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k1', alg: 'ES256' }] });
});

describe('a revocation list', () => {
  it('is a JWT of its own type, with the identifiers grouped by kind and end', () => {
    const list = issueRevocationList(issuer, key, { cursor: 7, since: 3, revocations }, now);
    expect(decodeProtectedHeader(list)).toEqual({ alg: 'ES256', typ: 'revocations+jwt', kid: 'k1' });
    expect(decodeJwt(list)).toEqual({
      iss: issuer,
      iat: now,
      exp: now + 300,
      cursor: 7,
      since: 3,
      revoked: {
        jti: { [now + 600]: ['a', 'b'] },
        grant_id: { [now + 900]: ['c'] },
        kid: { [now + 900]: ['d'] },
      },
    });
  });

  it('holds the entries that were put into it', async () => {
    const list = await validate(issueRevocationList(issuer, key, { cursor: 7, revocations }, now));
    expect(list.since).toBeUndefined();
    expect([...revocationsIn(list)]).toEqual(revocations);
  });

  it('is not an access token, and no access token is one [other-token-types, RFC 8725 §3.12]', async () => {
    const list = issueRevocationList(issuer, key, { cursor: 7, revocations }, now);
    const audience = 'https://jobs.example';
    await expect(validateAccessToken(list, getKey, { issuer, audience }, at(now))).rejects.toThrow(InvalidTokenError);
    const grant = { clientId: 'batch-processor', audience, scope: 'jobs:read', lifetime: 600 };
    const { token } = issueAccessToken(issuer, key, grant, now);
    await expect(validate(token)).rejects.toThrow(InvalidRevocationListError);
  });

  it.each<[string, () => Promise<string> | string, number?]>([
    ['of another issuer', () => sign(claims({ iss: 'https://other.example' }))],
    ['of another type', () => sign(claims(), { typ: 'at+jwt' })],
    ['without a kid', () => sign(claims(), { kid: undefined })],
    ['without a cursor', () => sign(claims({ cursor: undefined }))],
    ['with an invalid cursor', () => sign(claims({ cursor: '7' }))],
    ['with an invalid beginning', () => sign(claims({ since: -1 }))],
    ['with entries of an unknown kind', () => sign(claims({ revoked: { sub: { [now]: ['a'] } } }))],
    ['with entries that are no text', () => sign(claims({ revoked: { jti: { [now]: [1] } } }))],
    ['with an invalid end', () => sign(claims({ revoked: { jti: { soon: ['a'] } } }))],
    ['without entries', () => sign(claims({ revoked: null }))],
    ['that is old', () => sign(claims()), now + 361],
    ['that is old, though its `exp` is later', () => sign(claims({ exp: now + 9999 })), now + 361],
    ['that was signed in the future', () => sign(claims({ iat: now + 61 }))],
    ['whose time is invalid', () => sign(claims({ iat: '1' }))],
    ['that was changed', async () => (await sign(claims())).replace(/\.[\w-]{4}/, '.AAAA')],
  ])('is refused %s [revocation-list-validation, RFC 8725 §3.11]', async (_, list, seconds = now) => {
    await expect(validate(await list(), seconds)).rejects.toThrow(InvalidRevocationListError);
  });
});

describe('RevokedTokens', () => {
  const token = (changes: { jti?: string; grant_id?: string } = {}, keyId = 'k1') => ({
    keyId,
    claims: {
      ...issueAccessToken(issuer, key, { clientId: 'a', audience: 'b', scope: 'c', lifetime: 60 }).claims,
      ...changes,
    },
  });

  it('has a token by its jti, its grant or its key, and no other [revoked-token, RFC 7009 §2]', () => {
    const revoked = new RevokedTokens();
    for (const revocation of revocations) revoked.add(revocation);
    expect(revoked.size).toBe(4);
    expect(revoked.has(token({ jti: 'a' }))).toBe(true);
    expect(revoked.has(token({ grant_id: 'c' }))).toBe(true);
    expect(revoked.has(token({}, 'd'))).toBe(true);
    // Identifiers of one kind do not match another kind.
    expect(revoked.has(token({ jti: 'c', grant_id: 'a' }, 'b'))).toBe(false);
    expect(revoked.has(token())).toBe(false);
  });

  it('drops entries that have ended, and keeps the later end of an entry that is added twice', async () => {
    const revoked = new RevokedTokens();
    await revoked.addAll(revocations);
    revoked.add({ kind: 'jti', id: 'a', until: now + 700 });
    revoked.add({ kind: 'jti', id: 'a', until: now + 650 });
    await revoked.dropEnded(now + 601);
    expect(revoked.has(token({ jti: 'a' }))).toBe(true);
    expect(revoked.has(token({ jti: 'b' }))).toBe(false);
    await revoked.dropEnded(now + 901);
    expect(revoked.size).toBe(0);
  });

  it('adds and drops 100,000 entries in slices, a few thousand per turn of the event loop [sliced-work, Lanyard]', async () => {
    const revoked = new RevokedTokens();
    const largestSlice = async (work: () => Promise<void>) => {
      const sizes = [revoked.size];
      for (const ended = work().then(() => true); !(await Promise.race([ended, nextTurn(false)]));) {
        sizes.push(revoked.size);
      }
      sizes.push(revoked.size);
      return Math.max(...sizes.slice(1).map((size, index) => Math.abs(size - (sizes[index] ?? 0))));
    };
    const entries = Array.from({ length: 100_000 }, (_, id): Revocation => ({ kind: 'jti', id: `${id}`, until: now }));
    expect(await largestSlice(() => revoked.addAll(entries))).toBeLessThanOrEqual(4000);
    expect(revoked.size).toBe(100_000);
    expect(await largestSlice(() => revoked.dropEnded(now + 1))).toBeLessThanOrEqual(4000);
    expect(revoked.size).toBe(0);
  });
});
