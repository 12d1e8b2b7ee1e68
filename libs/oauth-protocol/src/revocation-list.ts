/** A revocation applies to one token by its `jti`, to all tokens of one `grant_id`, or to all that one key signed. */
export const revocationKinds = ['jti', 'grant_id', 'kid'] as const;
export type RevocationKind = (typeof revocationKinds)[number];

/**
 * The claims of a revocation list, a JWT of its own type. A resource server that has the list up to a cursor requests
 * the entries after it, and gets a list whose `since` is that cursor or an earlier one. A list without `since` begins
 * at the very beginning. A list without entries means that nothing is new. Times are seconds since the epoch.
 */
export interface RevocationListClaims {
  iss: string;
  iat: number;
  exp: number;
  /** where the list ends; grows with each revocation */
  cursor: number;
  since?: number;
  /** true: the list is one part of several, and the next part begins at its cursor */
  more?: boolean;
  /** true: the server has lost its database, so recent revocations by other replicas may be missing */
  stale?: boolean;
  /** by kind, then by the end of the entries: the second at which the last token that they revoke has expired */
  revoked: Partial<Record<RevocationKind, Record<string, string[]>>>;
}

/** The media type of a revocation list, as it stands in the `typ` header. */
export const revocationListType = 'revocations+jwt';
