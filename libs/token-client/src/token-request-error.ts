const passing = new Set(['temporarily_unavailable', 'secret_unavailable']);

/**
 * No access token could be obtained. `code` is the authorization server's error code (RFC 6749 section 5.2), or
 * `temporarily_unavailable` if it did not answer, `invalid_response` if its response is invalid, and
 * `secret_unavailable` if the client secret cannot be read. Neither message nor cause holds a token or a secret.
 */
export class TokenRequestError extends Error {
  override readonly name = 'TokenRequestError';
  readonly code: string;
  /** seconds that the server asked to wait */
  readonly retryAfter: number | undefined;

  constructor(code: string, description: string, options: { cause?: unknown; retryAfter?: number } = {}) {
    super(`${code}: ${description}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfter = options.retryAfter;
  }

  /** Whether the same request may succeed a moment later. */
  get mayPass(): boolean {
    return passing.has(this.code);
  }
}
