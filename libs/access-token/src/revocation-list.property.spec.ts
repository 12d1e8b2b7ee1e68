import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { revocationKinds, revocationListType, type RevocationListClaims } from '@lanyard/oauth-protocol';
import fc from 'fast-check';
import { createLocalJWKSet } from 'jose';
import {
  InvalidRevocationListError,
  InvalidTokenError,
  issueAccessToken,
  issueRevocationList,
  revocationsIn,
  RevokedTokens,
  signES256,
  validateAccessToken,
  validateRevocationList,
  type Revocation,
} from './index.ts';

const issuer = 'https://auth.example';
const now = 1_700_000_000;
const moment = new Date(now * 1000);
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = { kid: 'k1', privateKey };
const getKey = createLocalJWKSet({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256' }] });
const validate = (list: string) => validateRevocationList(list, getKey, { issuer }, moment);
const signed = (claims: string, header: object = {}) => {
  const typed = JSON.stringify({ alg: 'ES256', typ: revocationListType, kid: 'k1', ...header });
  const input = [typed, claims].map((text) => Buffer.from(text).toString('base64url')).join('.');
  return `${input}.${signES256(input, privateKey)}`;
};
const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

/** The claims, or undefined where the text is no valid list; rethrows every error that is not the validator's own. */
async function readOf(list: string): Promise<RevocationListClaims | undefined> {
  try {
    return await validate(list);
  } catch (error) {
    if (error instanceof InvalidRevocationListError && error.cause !== undefined) return undefined;
    throw error;
  }
}

const anyText = fc.string({ unit: 'binary' });
const cursor = fc.maxSafeNat();
const revocation: fc.Arbitrary<Revocation> = fc.record({
  kind: fc.constantFrom(...revocationKinds),
  id: anyText,
  until: fc.nat({ max: 10 ** 15 - 1 }),
});
const issued = fc
  .array(revocation)
  .map((revocations) => issueRevocationList(issuer, key, { cursor: 7, since: 3, revocations }, now));

describe('a revocation list', () => {
  it('has the same content when it is validated as when it was issued [revocation-list-validation, RFC 8725 §3.11]', async () => {
    const list = fc.record(
      { cursor, since: cursor, stale: fc.boolean(), revocations: fc.array(revocation) },
      { requiredKeys: ['cursor', 'revocations'] },
    );
    await fc.assert(
      fc.asyncProperty(list, async (list) => {
        const { revocations, stale, ...rest } = list;
        const claims = await validate(issueRevocationList(issuer, key, list, now));
        expect(claims).toMatchObject({ iss: issuer, iat: now, ...rest, ...(stale && { stale }) });
        const inOrder = (all: Iterable<Revocation>) => Array.from(all, (one) => JSON.stringify(one)).toSorted();
        const given = revocations.map(({ kind, id, until }) => ({ kind, id, until }));
        expect(inOrder(revocationsIn(claims))).toEqual(inOrder(given));
      }),
    );
  });

  it('is invalid if a character was changed [revocation-list-validation, RFC 8725 §3.11]', async () => {
    const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        issued,
        place,
        fc.constantFrom('A', 'Q', 'g', '.', 'é', '\0'),
        async (list, place, character) => {
          const index = Math.floor(place * list.lastIndexOf('.'));
          const changed = list.slice(0, index) + character + list.slice(index + 1);
          expect((await readOf(changed)) === undefined).toBe(changed !== list);
        },
      ),
    );
  });

  it('is refused if it is arbitrary text, whatever it looks like [revocation-list-validation, RFC 8725 §3.11]', async () => {
    const parts = fc.array(fc.oneof(fc.base64String(), anyText), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          anyText,
          parts.map((parts) => parts.join('.')),
        ),
        async (text) => {
          expect(await readOf(text)).toBeUndefined();
        },
      ),
    );
  });

  it('is not an access token, and an access token is not a list [revocation-list-validation, RFC 8725 §3.11]', async () => {
    const audience = 'https://jobs.example';
    await fc.assert(
      fc.asyncProperty(issued, anyText, async (list, clientId) => {
        const { token } = issueAccessToken(issuer, key, { clientId, audience, scope: 'a', lifetime: 60 }, now);
        expect(await readOf(token)).toBeUndefined();
        const validation = validateAccessToken(list, getKey, { issuer, audience }, moment);
        await expect(validation).rejects.toThrow(InvalidTokenError);
      }),
    );
  });

  it.each(['.', 'a.', 'a', '=', ' ', 'é'])(
    'is not 100,000 characters of %j [revocation-list-validation, RFC 8725 §3.11]',
    async (piece) => {
      expect(await readOf(long(piece))).toBeUndefined();
    },
  );
});

describe('text signed with the key', () => {
  const anyJson = fc.oneof(
    fc.json(),
    fc.constantFrom('0', '-0', '-1', '1.5', '1e999', '9007199254740992', '"1"', 'null', 'true', '{}', '[]', '["a"]'),
  );
  const mostly = (right: fc.Arbitrary<string>) =>
    fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: anyJson });
  const object = (name: fc.Arbitrary<string>, value: fc.Arbitrary<string>) =>
    fc
      .array(fc.tuple(name, value), { maxLength: 4 })
      .map((members) => `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`);
  const until = fc.oneof(
    { weight: 9, arbitrary: fc.nat(2_000_000_000).map(String) },
    fc.constantFrom('', '-1', '1e3', ' 1', '1.5', '9'.repeat(15), '9'.repeat(16), '__proto__', '१', '0x1'),
  );
  const ids = fc.array(anyText).map((ids) => JSON.stringify(ids));
  const kind = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom<string>(...revocationKinds) },
    fc.constantFrom('sub', '', '__proto__', 'constructor', 'JTI'),
  );
  const revoked = object(kind, mostly(object(until, mostly(ids))));
  const claims = fc
    .record({
      iss: mostly(fc.constant(JSON.stringify(issuer))),
      iat: mostly(fc.constant(`${now}`)),
      exp: mostly(fc.constant(`${now + 300}`)),
      cursor: mostly(cursor.map(String)),
      since: mostly(cursor.map(String)),
      revoked: mostly(revoked),
    })
    .map(
      (members) =>
        `{${Object.entries(members)
          .map(([name, value]) => `"${name}":${value}`)
          .join(',')}}`,
    );

  it('is not a list if it has another type [revocation-list-validation, RFC 8725 §3.11]', async () => {
    const types = fc.oneof(
      anyText,
      fc.constantFrom(undefined, null, 'JWT', 'at+jwt', 'jwt', 'revocations', 1, ['revocations+jwt']),
    );
    const isType = (typ: unknown) => typeof typ === 'string' && /^(application\/)?revocations\+jwt$/i.test(typ);
    await fc.assert(
      fc.asyncProperty(fc.oneof(types, fc.constant('application/Revocations+JWT')), async (typ) => {
        const claims = JSON.stringify({ iss: issuer, iat: now, exp: now + 60, cursor: 1, revoked: {} });
        expect((await readOf(signed(claims, { typ }))) !== undefined).toBe(isType(typ));
      }),
    );
  });

  it('is a list that can be enforced, or is refused [revocation-list-validation, RFC 8725 §3.11]', async () => {
    let lists = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof({ weight: 9, arbitrary: claims }, anyJson, anyText), async (claims) => {
        const list = await readOf(signed(claims));
        if (!list) return;
        lists += 1;
        for (const place of [list.cursor, list.since ?? 0]) expect(place).toBeGreaterThanOrEqual(0);
        expect([list.cursor, list.since ?? 0].every(Number.isSafeInteger)).toBe(true);
        const entries = [...revocationsIn(list)];
        // Every entry is enforced: none is dropped for being unknown.
        expect(entries.map(({ id }) => id).toSorted()).toEqual(stringsIn(list.revoked).toSorted());
        const sound = entries.filter(
          ({ kind, until }) => revocationKinds.includes(kind) && Number.isSafeInteger(until),
        );
        expect(sound).toHaveLength(entries.length);
        const tokens = new RevokedTokens();
        for (const entry of entries) tokens.add(entry);
        await tokens.dropEnded(now);
        expect(tokens.size).toBeLessThanOrEqual(entries.length);
      }),
      { numRuns: 300 },
    );
    expect(lists).toBeGreaterThan(20);
  });

  it.each([
    ['entries', (count: number) => `{"jti":{"1":[${'"a",'.repeat(count)}"a"]}}`, true],
    ['ends', (count: number) => `{"jti":{${Array.from({ length: count }, (_, i) => `"${i}":[]`).join(',')}}}`, true],
    ['digits in an end', (count: number) => `{"jti":{"${'1'.repeat(count)}":[]}}`, false],
    ['digits and a letter in an end', (count: number) => `{"jti":{"${'1'.repeat(count)}x":[]}}`, false],
    ['lists within each other', (count: number) => `{"jti":{"1":${'['.repeat(count)}${']'.repeat(count)}}}`, false],
  ])('is read or refused with 100,000 %s [revocation-list-validation, RFC 8725 §3.11]', async (_, revoked, isList) => {
    const base = `"iss":"${issuer}","iat":${now},"exp":${now + 60},"cursor":1`;
    expect((await readOf(signed(`{${base},"revoked":${revoked(100_000)}}`))) !== undefined).toBe(isList);
  });

  const stringsIn = (value: unknown): string[] =>
    typeof value === 'string' ? [value] : Object.values(value as object).flatMap(stringsIn);
});
