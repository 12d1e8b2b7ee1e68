import { errorDescription } from '@lanyard/oauth-protocol';
import * as oauth from 'oauth4webapi';
import { retryAfterOf } from './retry-after.ts';
import { TokenRequestError } from './token-request-error.ts';

/** @throws {TokenRequestError} where the server may answer the same request a moment later */
export async function refuseUnavailable(response: Response): Promise<void> {
  if (response.status < 500 && response.status !== 429) return;
  await response.body?.cancel();
  throw new TokenRequestError('temporarily_unavailable', `the authorization server answered ${response.status}`, {
    retryAfter: retryAfterOf(response.headers),
  });
}

/**
 * Takes in the whole answer, so that one that breaks off is told from one that makes no sense.
 * @throws {TokenRequestError} where it breaks off
 */
export async function wholeAnswer(response: Response): Promise<Response> {
  const { status, statusText, headers } = response;
  try {
    const body = await response.arrayBuffer();
    return new Response(body.byteLength > 0 ? body : null, { status, statusText, headers });
  } catch (cause) {
    if ((cause as Error).name === 'TimeoutError') throw cause;
    throw new TokenRequestError('temporarily_unavailable', "the authorization server's answer broke off", { cause });
  }
}

/**
 * What oauth4webapi throws, as this library's error. Its causes are left out where they may hold a response's body.
 * @param what     was asked for
 * @param address  the issuer's, or where it is reached
 */
export async function tokenRequestErrorOf(error: unknown, what: string, address: string): Promise<TokenRequestError> {
  if (error instanceof TokenRequestError) return error;
  if (error instanceof oauth.ResponseBodyError) {
    return new TokenRequestError(
      error.error,
      (error.error_description && errorDescription(error.error_description)) ??
        `the authorization server answered ${error.status}`,
    );
  }
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    // RFC 6749 section 5.2: a challenge goes with a body.
    const { error_description: description } = await bodyOf(error.response);
    return new TokenRequestError('invalid_client', description ?? `the authorization server answered ${error.status}`);
  }
  if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError) {
    return new TokenRequestError('invalid_response', `${what}: ${error.message}`);
  }
  const reason = (error as Error).name === 'TimeoutError' ? 'did not answer in time' : 'cannot be reached';
  return new TokenRequestError('temporarily_unavailable', `the authorization server at ${address} ${reason}`, {
    cause: error,
  });
}

async function bodyOf(response: Response): Promise<{ error_description?: string }> {
  const body: unknown = await response.json().catch(() => undefined);
  const { error_description: description } = (body ?? {}) as { error_description?: unknown };
  return typeof description === 'string' ? { error_description: errorDescription(description) } : {};
}
