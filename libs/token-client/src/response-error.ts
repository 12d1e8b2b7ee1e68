import { errorDescription } from '@lanyard/oauth-protocol';
import * as oauth from 'oauth4webapi';
import { IncompleteAnswerError, UnexpectedStatusError } from './issuer-connection.ts';
import { TokenRequestError } from './token-request-error.ts';

/**
 * Converts an error of oauth4webapi to this library's error. Causes that may hold the body of a response are omitted.
 * @param what     a description of the response
 * @param address  the address at which the issuer is reached
 */
export async function tokenRequestErrorOf(error: unknown, what: string, address: string): Promise<TokenRequestError> {
  if (error instanceof TokenRequestError) return error;
  if (error instanceof UnexpectedStatusError) {
    const { status, retryAfter, mayPass } = error;
    if (mayPass) return unavailable(`the authorization server answered ${status}`, { retryAfter });
    return new TokenRequestError('invalid_response', `${what}: unexpected HTTP status code ${status}`);
  }
  if (error instanceof IncompleteAnswerError) {
    return unavailable("the authorization server's response was cut off", { cause: error.cause });
  }
  if (error instanceof oauth.ResponseBodyError) {
    return new TokenRequestError(
      error.error,
      (error.error_description && errorDescription(error.error_description)) ??
        `the authorization server answered ${error.status}`,
    );
  }
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    // RFC 6749 section 5.2: the response with a challenge also has a body.
    const { error_description: description } = await bodyOf(error.response);
    return new TokenRequestError('invalid_client', description ?? `the authorization server answered ${error.status}`);
  }
  if (error instanceof oauth.OperationProcessingError || error instanceof oauth.UnsupportedOperationError) {
    return new TokenRequestError('invalid_response', `${what}: ${error.message}`);
  }
  const reason = (error as Error).name === 'TimeoutError' ? 'did not answer in time' : 'cannot be reached';
  return unavailable(`the authorization server at ${address} ${reason}`, { cause: error });
}

const unavailable = (message: string, options: ConstructorParameters<typeof TokenRequestError>[2]): TokenRequestError =>
  new TokenRequestError('temporarily_unavailable', message, options);

async function bodyOf(response: Response): Promise<{ error_description?: string }> {
  const body: unknown = await response.json().catch(() => undefined);
  const { error_description: description } = (body ?? {}) as { error_description?: unknown };
  return typeof description === 'string' ? { error_description: errorDescription(description) } : {};
}
