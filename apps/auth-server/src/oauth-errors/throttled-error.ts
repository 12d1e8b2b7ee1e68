import { OAuthError } from '@lanyard/oauth-protocol';

/** Too many failures: 429 with Retry-After, RFC 6585 section 4. */
export class ThrottledError extends OAuthError {
  override readonly name = 'ThrottledError';

  constructor(readonly retryAfter: number) {
    super('temporarily_unavailable', 'too many failed authentications, try again later');
  }
}
