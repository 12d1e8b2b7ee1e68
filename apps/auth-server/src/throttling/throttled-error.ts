import { OAuthError } from '@lanyard/oauth-protocol';

/** The limits, as metrics name them, with the error descriptions for callers. */
export const throttledLimits = {
  failures: 'too many failed authentications, try again later',
  bodies: 'too many bytes of request bodies are arriving from this address, try again later',
  quota: 'the client requested more tokens than its quota allows, try again later',
  introspection_quota: 'the client introspected more tokens than its quota allows, try again later',
  revocation_quota: 'the client revoked more tokens than its quota allows, try again later',
  revocation_list_quota: 'the client requested more revocation lists than its quota allows, try again later',
} as const;
export type ThrottledLimit = keyof typeof throttledLimits;

/** A request over a limit: 429 with Retry-After, RFC 6585 section 4. */
export class ThrottledError extends OAuthError {
  override readonly name = 'ThrottledError';

  /** @param retryAfter  seconds */
  constructor(
    limit: ThrottledLimit,
    readonly retryAfter: number,
  ) {
    super('temporarily_unavailable', throttledLimits[limit]);
  }
}
