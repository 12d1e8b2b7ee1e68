import type { AccessToken } from '@lanyard/access-token';

/** Who knows which access tokens are revoked. */
export interface RevocationSource {
  /**
   * @param token  the compact serialization of the access token
   * @throws {RevocationUnknownError}  where it cannot be said
   */
  isRevoked(accessToken: AccessToken, token: string): boolean | Promise<boolean>;
  start(): void;
  stop(): void;
}

/** It cannot be said whether a token is revoked, and it is not to be accepted unsaid. */
export class RevocationUnknownError extends Error {
  override readonly name = 'RevocationUnknownError';
}
