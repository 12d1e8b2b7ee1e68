import type { KeyObject } from 'node:crypto';
import type { AccessTokenClaims, AccessTokenType } from '@lanyard/oauth-protocol';
import { randomIdentifier } from './random-identifier.ts';
import { signES256 } from './signature.ts';

/** A key that signs access tokens, always with ES256. */
export interface SigningKey {
  kid: string;
  privateKey: KeyObject;
}

/** The content of an access token, RFC 9068 section 2.2; the issuer adds `iss`, `jti`, `iat` and `exp`. */
export interface AccessTokenGrant {
  clientId: string;
  audience: string;
  scope: string;
  /** seconds */
  lifetime: number;
  /** shared by all tokens that may have to be revoked together */
  grantId?: string;
  /** the `typ` header; default: `at+jwt` */
  typ?: AccessTokenType;
}

export interface IssuedAccessToken {
  token: string;
  claims: AccessTokenClaims;
}

/**
 * Issues a JWT access token as in RFC 9068 section 2.
 * @param grant  the client, its audience and scope, and the lifetime of the token
 * @param now    seconds since the epoch
 */
export function issueAccessToken(
  issuer: string,
  key: SigningKey,
  grant: AccessTokenGrant,
  now = Math.floor(Date.now() / 1000),
): IssuedAccessToken {
  const claims: AccessTokenClaims = {
    iss: issuer,
    sub: grant.clientId,
    aud: grant.audience,
    client_id: grant.clientId,
    scope: grant.scope,
    jti: randomIdentifier(),
    iat: now,
    exp: now + grant.lifetime,
  };
  if (grant.grantId !== undefined) claims.grant_id = grant.grantId;
  return { token: signed(encodedHeaderOf(key, grant.typ ?? 'at+jwt'), claims, key.privateKey), claims };
}

/** The compact serialization of a signed JWT, RFC 7515 section 7.1. */
export function signJwt(header: { alg: 'ES256'; typ: string; kid: string }, claims: object, key: KeyObject): string {
  return signed(base64url(header), claims, key);
}

function signed(encodedHeader: string, claims: object, key: KeyObject): string {
  const signingInput = `${encodedHeader}.${base64url(claims)}`;
  return `${signingInput}.${signES256(signingInput, key)}`;
}

/** All access tokens of a key and a type have the same header. */
const encodedHeaders = { 'at+jwt': new WeakMap<SigningKey, string>(), JWT: new WeakMap<SigningKey, string>() };

function encodedHeaderOf(key: SigningKey, typ: AccessTokenType): string {
  const known = encodedHeaders[typ].get(key);
  if (known !== undefined) return known;
  const encoded = base64url({ alg: 'ES256', typ, kid: key.kid });
  encodedHeaders[typ].set(key, encoded);
  return encoded;
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
