/**
 * No access token could be had. `code` is the authorization server's error code (RFC 6749 section 5.2), or
 * `temporarily_unavailable` where it did not answer, or not sensibly.
 */
export class TokenRequestError extends Error {
  override readonly name = 'TokenRequestError';
  readonly code: string;
  /** seconds that the server asked to wait */
  readonly retryAfter: number | undefined;

  constructor(code: string, description: string, options: { cause?: unknown; retryAfter?: number } = {}) {
    super(`${code}: ${description}`, { cause: options.cause });
    this.code = code;
    this.retryAfter = options.retryAfter;
  }

  /** Whether the same request may succeed a moment later. */
  get mayPass(): boolean {
    return this.code === 'temporarily_unavailable';
  }
}

const longestWait = 30;

/** `Retry-After` in seconds, or as a date, RFC 9110 section 10.2.3; never longer than half a minute. */
export function retryAfterOf(headers: Headers, now = Date.now()): number | undefined {
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - now) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), longestWait);
}
