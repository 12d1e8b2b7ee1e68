import { revocationKinds, revocationListType, type RevocationListClaims } from '@lanyard/oauth-protocol';
import { errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { signJwt, type SigningKey } from './access-token-issuer.ts';
import { accessTokenAlgorithms, type AccessTokenAlgorithm } from './algorithms.ts';
import { verifyWithKeyOf } from './issuer-key.ts';
import type { Revocation } from './revoked-tokens.ts';

/** How long a list is valid, seconds: an older one is refused. */
const listLifetime = 300;

/** How far the clocks of authorization server and resource server may differ, seconds. */
export const listClockTolerance = 60;

/** No list is larger than this many characters; one with 100,000 entries has 3.5 million. */
const maxListLength = 256 * 1024 * 1024;

/** The list is not from the authorization server, too old, too large, or of a form that this version cannot read. */
export class InvalidRevocationListError extends Error {
  override readonly name = 'InvalidRevocationListError';
}

/**
 * Signs a revocation list as a JWT of the type `revocations+jwt`.
 * @param list.cursor  where the list ends
 * @param list.since   where the list begins; undefined: at the very beginning
 * @param list.more    whether there are more entries after its cursor
 * @param list.stale   whether something may be missing
 * @param now          seconds since the epoch
 */
export function issueRevocationList(
  issuer: string,
  key: SigningKey,
  list: {
    cursor: number;
    since?: number | undefined;
    more?: boolean;
    stale?: boolean;
    revocations: Iterable<Revocation>;
  },
  now = Math.floor(Date.now() / 1000),
): string {
  const revoked: RevocationListClaims['revoked'] = {};
  for (const { kind, id, until } of list.revocations) ((revoked[kind] ??= {})[until] ??= []).push(id);
  const claims: RevocationListClaims = {
    iss: issuer,
    iat: now,
    exp: now + listLifetime,
    cursor: list.cursor,
    ...(list.since !== undefined && { since: list.since }),
    ...(list.more && { more: true }),
    ...(list.stale && { stale: true }),
    revoked,
  };
  return signJwt({ alg: 'ES256', typ: revocationListType, kid: key.kid }, claims, key.privateKey);
}

/**
 * Validates a revocation list: its signature, type, issuer, times and the syntax of every entry.
 * @param list    the compact serialization
 * @param getKey  as for access tokens
 * @param now     for tests; default: the current time
 * @throws {InvalidRevocationListError}  with the reason for the log in `cause`
 */
export async function validateRevocationList(
  list: string,
  getKey: JWTVerifyGetKey,
  { issuer, algorithms = ['ES256'] }: { issuer: string; algorithms?: readonly AccessTokenAlgorithm[] },
  now = new Date(),
): Promise<RevocationListClaims> {
  try {
    if (list.length > maxListLength) throw new errors.JWTInvalid('it is too large');
    const { payload } = await verifyWithKeyOf(getKey, (key) =>
      jwtVerify<RevocationListClaims>(list, key, {
        typ: revocationListType,
        issuer,
        algorithms: accessTokenAlgorithms.filter((algorithm) => algorithms.includes(algorithm)),
        // Also refuses an `iat` from the future: it would make the lists signed until then look old.
        maxTokenAge: listLifetime,
        clockTolerance: listClockTolerance,
        requiredClaims: ['iss', 'iat', 'exp', 'cursor', 'revoked'],
        currentDate: now,
      }),
    );
    requireShape(payload);
    return payload;
  } catch (cause) {
    if (cause instanceof errors.JOSEError) throw new InvalidRevocationListError(cause.message, { cause });
    throw cause;
  }
}

/** An unknown kind of entry cannot be enforced, so the whole list is refused. */
function requireShape({ cursor, since, revoked }: RevocationListClaims): void {
  const isCursor = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
  if (!isCursor(cursor) || (since !== undefined && !isCursor(since)))
    throw new errors.JWTInvalid('its cursor is invalid');
  if (!isObject(revoked)) throw new errors.JWTInvalid('it has no entries');
  for (const [kind, byEnd] of Object.entries(revoked)) {
    if (!(revocationKinds as readonly string[]).includes(kind)) throw new errors.JWTInvalid('it has unknown entries');
    for (const [until, ids] of Object.entries(isObject(byEnd) ? byEnd : { '': undefined })) {
      const isReadable = /^\d{1,15}$/.test(until) && Array.isArray(ids) && ids.every((id) => typeof id === 'string');
      if (!isReadable) throw new errors.JWTInvalid('it has entries that cannot be read');
    }
  }
}
