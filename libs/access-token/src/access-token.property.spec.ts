import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { isScopeValue } from '@lanyard/oauth-protocol';
import fc from 'fast-check';
import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose';
import {
  fromDer,
  InvalidTokenError,
  issueAccessToken,
  RememberingValidator,
  signES256,
  validateAccessToken,
  type AccessToken,
  type AccessTokenGrant,
} from './index.ts';

const issuer = 'https://auth.example';
const audience = 'https://jobs.example';
const now = 1_700_000_000;
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = { kid: 'k1', privateKey };
const getKey: JWTVerifyGetKey = createLocalJWKSet({
  keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' }],
});

const requirements = { issuer, audience };
const at = (seconds: number) => new Date(seconds * 1000);
const validate = (token: string) => validateAccessToken(token, getKey, requirements, at(now));
const base64url = (text: string) => Buffer.from(text).toString('base64url');
/** The holder of the key can sign any text, JSON or not. */
const signed = (header: string, claims: string) => {
  const input = `${base64url(header)}.${base64url(claims)}`;
  return `${input}.${signES256(input, privateKey)}`;
};
const jsonOf = (members: Record<string, string | undefined>) =>
  `{${Object.entries(members)
    .filter(([, text]) => text !== undefined)
    .map(([name, text]) => `${JSON.stringify(name)}:${text}`)
    .join(',')}}`;
const long = (piece: string) => piece.repeat(Math.ceil(100_000 / piece.length));

/** The access token, or the description of the error; rethrows every error that is not the validator's own. */
async function outcomeOf(validation: AccessToken | Promise<AccessToken>): Promise<AccessToken | string> {
  try {
    return await validation;
  } catch (error) {
    if (error instanceof InvalidTokenError && error.cause !== undefined) return error.description;
    throw error;
  }
}

const anyText = fc.string({ unit: 'binary' });
const scope = fc
  .uniqueArray(fc.string({ unit: fc.constantFrom('a', 'Z', ':', '~', '!', '_'), minLength: 1 }), { minLength: 1 })
  .map((values) => values.join(' '));
const grant: fc.Arbitrary<AccessTokenGrant> = fc.record(
  { clientId: anyText, audience: fc.constant(audience), scope, lifetime: fc.nat(3600), grantId: anyText },
  { requiredKeys: ['clientId', 'audience', 'scope', 'lifetime'] },
);
const genuine = grant.map((grant) => issueAccessToken(issuer, key, grant, now).token);

describe('an access token', () => {
  it('has the same content when it is validated as when it was issued [token-validation, RFC 9068 §4]', async () => {
    await fc.assert(
      fc.asyncProperty(grant, async (grant) => {
        const { token, claims } = issueAccessToken(issuer, key, grant, now);
        expect(await validate(token)).toEqual({
          clientId: grant.clientId,
          subject: grant.clientId,
          scopes: new Set(grant.scope.split(' ')),
          expiresAt: now + grant.lifetime,
          keyId: 'k1',
          claims,
        });
      }),
    );
  });

  it('is invalid if a character was changed, added or removed [token-validation, RFC 9068 §4]', async () => {
    const change = fc.record({
      place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      removed: fc.nat(2),
      added: fc.oneof(
        fc.string({ unit: fc.constantFrom(...'AQgw-_.=+/ \n'.split('')), maxLength: 2 }),
        fc.string({ unit: 'binary', maxLength: 2 }),
      ),
    });
    await fc.assert(
      fc.asyncProperty(genuine, change, async (token, { place, removed, added }) => {
        const start = Math.floor(place * token.length);
        const changed = token.slice(0, start) + added + token.slice(start + removed);
        const outcome = await outcomeOf(validate(changed));
        expect(typeof outcome === 'string').toBe(changed !== token);
      }),
      { numRuns: 200 },
    );
  });

  it('is invalid with parts of another one [token-validation, RFC 9068 §4]', async () => {
    await fc.assert(
      fc.asyncProperty(genuine, genuine, fc.nat(2), async (token, other, part) => {
        const parts = token.split('.');
        const mixed = parts.with(part, other.split('.').at(part)!).join('.');
        const outcome = await outcomeOf(validate(mixed));
        expect(typeof outcome === 'string').toBe(mixed !== token);
      }),
    );
  });

  it('is refused if it is arbitrary text, whatever it looks like [token-validation, RFC 9068 §4]', async () => {
    const json = fc.oneof(fc.json(), fc.constantFrom('{"alg":"none"}', '{"alg":"ES256","typ":"at+jwt","kid":"k1"}'));
    const similar = fc
      .array(fc.oneof(json.map(base64url), fc.base64String(), anyText), { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join('.'));
    await fc.assert(
      fc.asyncProperty(fc.oneof(anyText, similar), async (text) => {
        expect(await outcomeOf(validate(text))).toBe('the access token is invalid');
      }),
    );
  });

  it.each(['.', 'a.', 'a', '=', 'e30.', ' ', '-_', 'é'])(
    'is not 100,000 characters of %j [token-validation, RFC 9068 §4]',
    async (piece) => {
      const { token } = issueAccessToken(issuer, key, { clientId: 'a', audience, scope: 'a', lifetime: 60 }, now);
      for (const text of [long(piece), token + long(piece), long(piece) + token]) {
        expect(await outcomeOf(validate(text))).toBe('the access token is invalid');
      }
    },
  );
});

describe('text signed with the key', () => {
  const numbers = [
    '0',
    '-0',
    '-1',
    '1e999',
    '-1e999',
    '1.5',
    `${now}`,
    `${now + 600}`,
    `"${now + 600}"`,
    '9007199254740993',
  ];
  const nested = fc.nat(3000).map((depth) => '['.repeat(depth) + ']'.repeat(depth));
  const anyJson = fc.oneof(
    fc.json(),
    anyText.map((text) => JSON.stringify(text)),
    fc.constantFrom(...numbers, '"a"', '["a"]', 'null', 'true', '{}', '[]'),
    nested,
  );
  const genuineHeader = jsonOf({ alg: '"ES256"', typ: '"at+jwt"', kid: '"k1"' });
  /** Mostly valid values: an invalid one would hide the effect of all others. */
  const mostly = (...values: unknown[]) =>
    fc.oneof(
      { weight: 30, arbitrary: fc.constantFrom(...values.map((value) => JSON.stringify(value))) },
      { weight: 1, arbitrary: anyJson },
      { weight: 1, arbitrary: fc.constant(undefined) },
    );
  const optionally = (...values: unknown[]) => fc.oneof(fc.constant(undefined), mostly(...values));
  const numerically = (value: number) =>
    fc.oneof({ weight: 4, arbitrary: mostly(value) }, { weight: 1, arbitrary: fc.constantFrom(...numbers) });
  const claims = fc
    .record({
      iss: mostly(issuer),
      aud: mostly(audience, [audience], [audience, 'https://other.example'], [audience, 1]),
      sub: mostly('a', 'b', ''),
      client_id: mostly('a', ''),
      jti: mostly('j', ''),
      iat: numerically(now),
      exp: numerically(now + 600),
      nbf: fc.oneof(optionally(now, now + 4, now + 60), fc.constantFrom(undefined, undefined, ...numbers)),
      scope: optionally('a', 'a b', 'a  b', ''),
      grant_id: optionally('g'),
      extra: anyJson,
      ['__proto__']: optionally({ sub: 'x' }),
    })
    .map(jsonOf);
  const header = fc
    .record({
      alg: mostly('ES256'),
      typ: mostly('at+jwt', 'application/at+jwt', 'AT+JWT'),
      kid: mostly('k1'),
      crit: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, optionally(['b64'], ['exp'], [])),
      b64: fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, optionally(true, false)),
      jwk: optionally({ kty: 'EC' }),
      jku: optionally('https://evil.example'),
    })
    .map(jsonOf);

  it('is a sound access token or invalid, whatever its claims [token-validation, RFC 9068 §4]', async () => {
    let valid = 0;
    await fc.assert(
      fc.asyncProperty(claims, async (claims) => {
        const outcome = await outcomeOf(validate(signed(genuineHeader, claims)));
        if (typeof outcome === 'string') return;
        valid += 1;
        requireSound(outcome);
      }),
      { numRuns: 500 },
    );
    expect(valid).toBeGreaterThan(50);
  });

  it('is a sound access token or invalid, whatever its header [token-validation, RFC 9068 §4]', async () => {
    const sound = jsonOf({
      iss: JSON.stringify(issuer),
      aud: JSON.stringify(audience),
      sub: '"a"',
      client_id: '"a"',
      jti: '"j"',
      iat: `${now}`,
      exp: `${now + 60}`,
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof({ weight: 4, arbitrary: header }, anyJson, anyText), async (header) => {
        const outcome = await outcomeOf(validate(signed(header, sound)));
        if (typeof outcome === 'string') return;
        requireSound(outcome);
        expect(JSON.parse(header)).toMatchObject({ alg: 'ES256', kid: 'k1', typ: expect.stringMatching(/at\+jwt$/i) });
      }),
      { numRuns: 300 },
    );
  });

  it('is not an access token if its claims are arbitrary JSON or other text [token-validation, RFC 9068 §4]', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(anyJson, anyText), async (claims) => {
        expect(await outcomeOf(validate(signed(genuineHeader, claims)))).toBe('the access token is invalid');
      }),
    );
  });

  it('gets the same result from a validator that remembers as from one that does not [token-validation, RFC 9068 §4]', async () => {
    const published = { getKey, keySet: {} };
    const withdrawn = { getKey: createLocalJWKSet({ keys: [] }), keySet: {} };
    const keys = { ...published };
    const remembering = new RememberingValidator(keys, { ...requirements, remembered: 2 });
    const lived = { clientId: 'a', audience, scope: 'a', lifetime: 600 };
    const token = fc.oneof(
      { weight: 2, arbitrary: fc.constant(lived).map((grant) => issueAccessToken(issuer, key, grant, now).token) },
      claims.map((claims) => signed(genuineHeader, claims)),
    );
    const time = fc.oneof(fc.constant(0), fc.integer({ min: -10, max: 10 }), fc.integer({ min: 600, max: 610 }));
    const isWithdrawn = fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true));
    const visits = fc.array(fc.record({ index: fc.nat(2), time, isWithdrawn }));
    await fc.assert(
      fc.asyncProperty(fc.array(token, { minLength: 3, maxLength: 3 }), visits, async (tokens, visits) => {
        for (const { index, time, isWithdrawn } of visits) {
          const [token, moment] = [tokens.at(index)!, at(now + time)];
          Object.assign(keys, isWithdrawn ? withdrawn : published);
          const expected = await outcomeOf(validateAccessToken(token, keys.getKey, requirements, moment));
          expect(await outcomeOf(remembering.validate(token, moment))).toEqual(expected);
        }
      }),
    );
  });

  function requireSound({ clientId, subject, scopes, expiresAt, keyId, claims }: AccessToken): void {
    const { iss, aud, sub, client_id, jti, iat, exp, nbf, grant_id } = claims;
    const texts = { clientId, subject, keyId, iss, sub, client_id, jti, grant_id: grant_id ?? '' };
    expect(Object.entries(texts).filter(([, value]) => typeof value !== 'string')).toEqual([]);
    const times = { expiresAt, exp, iat, nbf: nbf ?? 0 };
    expect(Object.entries(times).filter(([, value]) => !Number.isFinite(value))).toEqual([]);
    expect([aud].flat()).toContain(audience);
    expect([aud].flat().filter((value) => typeof value !== 'string')).toEqual([]);
    expect([...scopes].every(isScopeValue)).toBe(true);
    expect([iss, sub, client_id, exp]).toEqual([issuer, subject, clientId, expiresAt]);
    expect(expiresAt).toBeGreaterThan(now - 5);
  }
});

describe('fromDer', () => {
  it('reads the two integers of any signature [signature, RFC 7518 §3.4]', () => {
    const integer = fc.uint8Array({ minLength: 1, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
    const der = (hex: string) => {
      const least = hex.replace(/^(00)+(?=..)/, '');
      const bytes = /^[89a-f]/.test(least) ? `00${least}` : least;
      return `02${(bytes.length / 2).toString(16).padStart(2, '0')}${bytes}`;
    };
    fc.assert(
      fc.property(integer, integer, (r, s) => {
        const integers = der(r) + der(s);
        const sequence = `30${(integers.length / 2).toString(16).padStart(2, '0')}${integers}`;
        expect(fromDer(Buffer.from(sequence, 'hex')).toString('hex')).toBe(r.padStart(64, '0') + s.padStart(64, '0'));
      }),
    );
  });
});
