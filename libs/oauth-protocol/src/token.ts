/** The access token response, RFC 6749 section 5.1. */
export interface AccessTokenResponse {
  access_token: string;
  token_type: 'Bearer';
  /** seconds */
  expires_in: number;
  scope: string;
}

/** The claims of a JWT access token, RFC 9068 section 2.2. Times are seconds since the epoch. */
export interface AccessTokenClaims {
  iss: string;
  sub: string;
  aud: string | string[];
  client_id: string;
  /** RFC 9068 section 2.2.3 */
  scope?: string;
  jti: string;
  iat: number;
  exp: number;
  /** never issued by this project, but enforced */
  nbf?: number;
  /** The grant of the token, so that all tokens of it can be revoked together; a claim of this project. */
  grant_id?: string;
}

/**
 * The media types of a JWT access token in the `typ` header: that of RFC 9068 section 2.1, and the one of JWTs in
 * general, for validators that do not know the former.
 */
export const accessTokenTypes = ['at+jwt', 'JWT'] as const;
export type AccessTokenType = (typeof accessTokenTypes)[number];
