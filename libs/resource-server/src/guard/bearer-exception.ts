import { HttpException } from '@nestjs/common';
import type { BearerChallenge } from '@lanyard/oauth-protocol';

/** The problem body, RFC 9457, of a refusal by RFC 6750 section 3.1. */
export interface BearerProblem {
  type: string;
  title: string;
  status: number;
  detail: string;
  error?: BearerChallenge['error'];
  scope?: string;
}

/** A refusal with its challenge; `cause` holds the reason for the log. */
export class BearerException extends HttpException {
  constructor(
    status: 400 | 401 | 403,
    readonly challenge: BearerChallenge,
    title: string,
    detail: string,
    cause?: unknown,
  ) {
    const { error, scope } = challenge;
    const problem: BearerProblem = {
      type: 'https://www.rfc-editor.org/rfc/rfc6750#section-3.1',
      title,
      status,
      detail,
      ...(error && { error }),
      ...(error === 'insufficient_scope' && { scope }),
    };
    super(problem, status, { cause });
  }
}

/** A request without credentials gets no error code, RFC 6750 section 3.1. */
export const credentialsMissing = (scope: string | undefined): BearerException =>
  new BearerException(401, { scope }, 'Access token missing', 'send an access token in the Authorization header');

export const requestInvalid = (detail: string): BearerException =>
  new BearerException(400, { error: 'invalid_request', error_description: detail }, 'Invalid request', detail);

export const tokenInvalid = (detail: string, cause: unknown): BearerException =>
  new BearerException(
    401,
    { error: 'invalid_token', error_description: detail },
    'Invalid access token',
    detail,
    cause,
  );

export const scopeInsufficient = (scope: string): BearerException => {
  const detail = 'the access token lacks the required scope';
  const challenge = { error: 'insufficient_scope', error_description: detail, scope } as const;
  return new BearerException(403, challenge, 'Insufficient scope', detail);
};
