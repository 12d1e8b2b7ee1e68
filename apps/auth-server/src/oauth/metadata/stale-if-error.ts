/**
 * Lets caches serve metadata and keys through an outage, RFC 5861 section 4: for an hour, which no access token
 * outlives.
 */
export const staleIfError = 'stale-if-error=3600';
