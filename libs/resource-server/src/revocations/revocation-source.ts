import type { AccessToken } from '@lanyard/access-token';

/** The injection token of the revocation source; its value is undefined if revocations are not followed. */
export const REVOCATION_SOURCE = Symbol('revocation source');

/** Knows which access tokens are revoked. */
export interface RevocationSource {
  /**
   * @param token  the compact serialization of the access token
   * @throws {RevocationUnknownError}  if it is unknown
   */
  isRevoked(accessToken: AccessToken, token: string): boolean | Promise<boolean>;
  start(): void;
  stop(): void;
}

/** It is unknown whether a token is revoked, and it must not be accepted. */
export class RevocationUnknownError extends Error {
  override readonly name = 'RevocationUnknownError';
}
