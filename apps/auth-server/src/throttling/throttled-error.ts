import { OAuthError } from '@lanyard/oauth-protocol';

/** What is throttled, as metrics name it, and what the caller is told. */
export const throttledLimits = {
  failures: 'too many failed authentications, try again later',
  bodies: 'too many bytes of request bodies come in from this address, try again later',
  quota: 'the client asked for more tokens than its quota, try again later',
  introspection_quota: 'the client introspected more tokens than its quota, try again later',
  revocation_quota: 'the client revoked more tokens than its quota, try again later',
  revocation_list_quota: 'the client asked for more lists of revocations than its quota, try again later',
} as const;
export type ThrottledLimit = keyof typeof throttledLimits;

/** Too much of something: 429 with Retry-After, RFC 6585 section 4. */
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
