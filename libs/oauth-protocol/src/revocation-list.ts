/** What can be revoked: one token by its `jti`, all that were obtained under one `grant_id`, all that one key signed. */
export const revocationKinds = ['jti', 'grant_id', 'kid'] as const;
export type RevocationKind = (typeof revocationKinds)[number];

/**
 * The claims of a revocation list, a JWT of its own type. A resource server that has the list up to a cursor asks for
 * what came after it, and gets a list whose `since` is that cursor or an earlier one; a list without `since` begins at
 * the beginning. A list without entries says that nothing is new. Times are seconds since the epoch.
 */
export interface RevocationListClaims {
  iss: string;
  iat: number;
  exp: number;
  /** how far the list goes; grows with each revocation */
  cursor: number;
  since?: number;
  /** true: it is one part of many, and the next one begins at its cursor */
  more?: boolean;
  /** true: the server has lost its database, so that what others revoked of late may be missing */
  stale?: boolean;
  /** by kind, then by the second until which an entry matters, after which nothing it revokes is valid any more */
  revoked: Partial<Record<RevocationKind, Record<string, string[]>>>;
}

/** The media type of a revocation list, as it stands in the `typ` header. */
export const revocationListType = 'revocations+jwt';
