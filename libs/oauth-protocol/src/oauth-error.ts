/** Token endpoint errors, RFC 6749 section 5.2, with `invalid_target` of RFC 8707 section 2. */
export const tokenErrorCodes = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
] as const;

/** Protected resource errors, RFC 6750 section 3.1. */
export const bearerErrorCodes = ['invalid_request', 'invalid_token', 'insufficient_scope'] as const;

/** `temporarily_unavailable`: a passing fault that the client did not cause, named as in RFC 6749 section 4.1.2.1. */
export type OAuthErrorCode =
  | (typeof tokenErrorCodes)[number]
  | (typeof bearerErrorCodes)[number]
  | 'temporarily_unavailable';

/** The body of an error response, RFC 6749 section 5.2. */
export interface ErrorResponse {
  error: OAuthErrorCode;
  error_description?: string;
}

/**
 * An error that has an OAuth error code. `description` is for the caller, `cause` only for the log.
 * @param description  must hold only the characters that RFC 6749 section 5.2 allows
 */
export class OAuthError extends Error {
  override readonly name: string = 'OAuthError';
  readonly code: OAuthErrorCode;
  readonly description: string;

  constructor(code: OAuthErrorCode, description: string, options?: { cause?: unknown }) {
    super(`${code}: ${description}`, options);
    this.code = code;
    this.description = errorDescription(description);
  }

  toJSON(): ErrorResponse {
    return { error: this.code, error_description: this.description };
  }
}

/** Replaces the characters that RFC 6749 section 5.2 does not allow; it allows %x20-21 / %x23-5B / %x5D-7E. */
export function errorDescription(text: string): string {
  return text.replaceAll('"', "'").replaceAll(/[^\x20\x21\x23-\x5B\x5D-\x7E]/g, '?');
}
