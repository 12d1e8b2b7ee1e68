import { OAuthError, parseScope, type AccessTokenClaims, type AccessTokenType } from '@lanyard/oauth-protocol';
import { errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import type { AccessTokenAlgorithm } from './algorithms.ts';
import { verifyWithKeyOf } from './issuer-key.ts';

export interface AccessTokenRequirements {
  /** compared character by character with `iss` */
  issuer: string;
  /** must be among `aud`; of several, one */
  audience: string | readonly string[];
  /** the `typ` headers that are accepted; default: only `at+jwt`, RFC 9068 section 4 */
  types?: readonly AccessTokenType[];
  /** default: only ES256 */
  algorithms?: readonly AccessTokenAlgorithm[];
  /** how far clocks may differ, seconds; default 5 */
  clockTolerance?: number;
}

/** A token that was found valid. */
export interface AccessToken {
  clientId: string;
  subject: string;
  scopes: ReadonlySet<string>;
  /** seconds since the epoch */
  expiresAt: number;
  /** the `kid` of the key that signed it */
  keyId: string;
  claims: AccessTokenClaims;
}

/** The token is malformed, expired, forged, or for another resource server. `cause` holds the reason, for the log. */
export class InvalidTokenError extends OAuthError {
  override readonly name = 'InvalidTokenError';

  constructor(description: string, cause: unknown) {
    super('invalid_token', description, { cause });
  }
}

/** The keys could not be obtained, so the token is neither valid nor invalid. */
export class KeysUnavailableError extends Error {
  override readonly name = 'KeysUnavailableError';
}

/**
 * Validates a JWT access token as in RFC 9068 section 4.
 * @param token   the compact serialization, without the scheme
 * @param getKey  the issuer's key for a header's `kid`; throws KeysUnavailableError if the keys are unavailable
 * @param now     for tests; default: the current time
 * @throws {InvalidTokenError}  with the reason for the log in `cause`
 */
export async function validateAccessToken(
  token: string,
  getKey: JWTVerifyGetKey,
  requirements: AccessTokenRequirements,
  now = new Date(),
): Promise<AccessToken> {
  try {
    requireCanonicalSignature(token);
    const { types = ['at+jwt'] } = requirements;
    const keyOf: JWTVerifyGetKey = (header, signed) => {
      requireType(header.typ, types);
      return getKey(header, signed);
    };
    const { payload, protectedHeader } = await verifyWithKeyOf(keyOf, (key) =>
      jwtVerify<AccessTokenClaims>(token, key, {
        issuer: requirements.issuer,
        audience: [requirements.audience].flat(),
        algorithms: [...(requirements.algorithms ?? ['ES256'])],
        clockTolerance: clockToleranceOf(requirements),
        requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
        currentDate: now,
      }),
    );
    return accessTokenOf(payload, protectedHeader.kid!);
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new InvalidTokenError('the access token expired', error);
    if (error instanceof errors.JOSEError) throw new InvalidTokenError('the access token is invalid', error);
    throw error;
  }
}

/** The prefix `application/` may be omitted, and case has no meaning, RFC 7515 section 4.1.9. */
function requireType(typ: unknown, accepted: readonly AccessTokenType[]): void {
  const type = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : undefined;
  if (accepted.some((one) => one.toLowerCase() === type)) return;
  throw new errors.JWTInvalid(`the typ header must be ${accepted.join(' or ')}`);
}

/** seconds */
export const clockToleranceOf = ({ clockTolerance = 5 }: AccessTokenRequirements): number => clockTolerance;

/** A signature has only one valid spelling, RFC 7515 section 5.2; jose overlooks whitespace and spare bits in it. */
function requireCanonicalSignature(token: string): void {
  const signature = token.slice(token.lastIndexOf('.') + 1);
  if (Buffer.from(signature, 'base64url').toString('base64url') === signature) return;
  throw new errors.JWTInvalid('the signature is not base64url');
}

function accessTokenOf(claims: AccessTokenClaims, keyId: string): AccessToken {
  const { sub, client_id: clientId, jti, scope, aud, grant_id: grantId = '', exp, iat, nbf = 0 } = claims;
  const texts = [sub, clientId, jti, grantId, ...(Array.isArray(aud) ? aud : [aud])];
  if (texts.some((claim) => typeof claim !== 'string')) {
    throw new InvalidTokenError('the access token is invalid', 'sub, client_id, jti, aud and grant_id must be strings');
  }
  // JSON has numbers that become infinite, such as 1e999.
  if (![exp, iat, nbf].every(Number.isFinite)) {
    throw new InvalidTokenError('the access token is invalid', 'exp, iat and nbf must be finite');
  }
  const scopes = scope === undefined ? new Set<string>() : typeof scope === 'string' ? parseScope(scope) : undefined;
  if (!scopes) throw new InvalidTokenError('the access token is invalid', 'scope is malformed');
  return { clientId, subject: sub, scopes, expiresAt: claims.exp, keyId, claims };
}
