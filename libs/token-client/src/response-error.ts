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
 * What oauth4webapi throws, as this library's error. Its causes are left out where they may hold a response's body.
 * @param what  was asked for
 */
export function tokenRequestErrorOf(error: unknown, what: string): TokenRequestError {
  if (error instanceof TokenRequestError) return error;
  if (error instanceof oauth.ResponseBodyError) {
    return new TokenRequestError(
      error.error,
      error.error_description ?? `the authorization server answered ${error.status}`,
    );
  }
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    return new TokenRequestError('invalid_client', `the authorization server answered ${error.status}`);
  }
  if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError) {
    return new TokenRequestError('invalid_response', `${what}: ${error.message}`);
  }
  const reason = (error as Error).name === 'TimeoutError' ? 'did not answer in time' : 'cannot be reached';
  return new TokenRequestError('temporarily_unavailable', `the authorization server ${reason}`, { cause: error });
}
