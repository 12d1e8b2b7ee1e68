/**
 * The algorithms that a resource server may accept; never `none` or HMAC, RFC 9068 section 4, RFC 8725 section 3.1.
 */
export const accessTokenAlgorithms = ['ES256', 'EdDSA', 'PS256', 'RS256'] as const;
export type AccessTokenAlgorithm = (typeof accessTokenAlgorithms)[number];
