import { setTimeout as sleep } from 'node:timers/promises';
import * as oauth from 'oauth4webapi';
import pRetry from 'p-retry';
import { readSecret, type SecretSource } from './secret-source.ts';
import { retryAfterOf, TokenRequestError } from './token-request-error.ts';

export interface TokenEndpointOptions {
  issuer: string;
  clientId: string;
  clientSecret: SecretSource;
  authenticationMethod: 'client_secret_basic' | 'client_secret_post';
  /** of one request, ms */
  timeout: number;
  allowInsecureRequests: boolean;
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Talks to the authorization server: metadata (RFC 8414), and the client credentials grant (RFC 6749 section 4.4). */
export class TokenEndpoint {
  private readonly options: TokenEndpointOptions;
  private readonly issuer: URL;
  private metadata: Promise<oauth.AuthorizationServer> | undefined;

  constructor(options: TokenEndpointOptions) {
    this.options = options;
    this.issuer = new URL(options.issuer);
    const { protocol, hostname } = this.issuer;
    if (protocol !== 'https:' && !loopback.has(hostname) && !options.allowInsecureRequests) {
      throw new Error(
        `${options.issuer} is not https: secrets and tokens could be read on the way (allowInsecureRequests)`,
      );
    }
  }

  /** What may pass is tried again with a growing delay, and not before the server's `Retry-After`. */
  request(parameters: Record<string, string>): Promise<oauth.TokenEndpointResponse> {
    return pRetry(() => this.withCurrentSecret(parameters), {
      retries: 3,
      minTimeout: 100,
      maxTimeout: 2000,
      randomize: true,
      shouldRetry: ({ error }) => error instanceof TokenRequestError && error.mayPass,
      onFailedAttempt: async ({ error, retriesLeft }) => {
        const wait = error instanceof TokenRequestError && error.mayPass && retriesLeft > 0 ? error.retryAfter : 0;
        if (wait) await sleep(wait * 1000, undefined, { ref: true });
      },
    });
  }

  /** A secret that was replaced between reading and using it is read once more. */
  private async withCurrentSecret(parameters: Record<string, string>): Promise<oauth.TokenEndpointResponse> {
    const secret = await this.secret();
    try {
      return await this.requestOnce(parameters, secret);
    } catch (error) {
      if (!(error instanceof TokenRequestError) || error.code !== 'invalid_client') throw error;
      const newer = await this.secret();
      if (newer === secret) throw error;
      return this.requestOnce(parameters, newer);
    }
  }

  private async secret(): Promise<string> {
    try {
      return await readSecret(this.options.clientSecret);
    } catch (cause) {
      throw new TokenRequestError('invalid_client', `the client secret cannot be read: ${(cause as Error).message}`, {
        cause,
      });
    }
  }

  private async requestOnce(parameters: Record<string, string>, secret: string): Promise<oauth.TokenEndpointResponse> {
    const client = { client_id: this.options.clientId };
    const authentication =
      this.options.authenticationMethod === 'client_secret_post'
        ? oauth.ClientSecretPost(secret)
        : oauth.ClientSecretBasic(secret);
    let response: Response | undefined;
    try {
      const server = await this.discover();
      response = await oauth.clientCredentialsGrantRequest(server, client, authentication, parameters, this.http());
      return await oauth.processClientCredentialsResponse(server, client, response);
    } catch (error) {
      throw asTokenRequestError(error, response);
    }
  }

  /** Kept once it was had; a failure is not. */
  private discover(): Promise<oauth.AuthorizationServer> {
    this.metadata ??= oauth
      .discoveryRequest(this.issuer, { algorithm: 'oauth2', ...this.http() })
      .then((response) =>
        response.status < 500 ? oauth.processDiscoveryResponse(this.issuer, response) : unavailable(response),
      )
      .catch((error: unknown) => {
        this.metadata = undefined;
        throw error;
      });
    return this.metadata;
  }

  private http() {
    return {
      signal: () => AbortSignal.timeout(this.options.timeout),
      [oauth.allowInsecureRequests]: this.issuer.protocol === 'http:',
    };
  }
}

function unavailable(response: Response): never {
  throw new TokenRequestError('temporarily_unavailable', `the authorization server answered ${response.status}`, {
    retryAfter: retryAfterOf(response.headers),
  });
}

function asTokenRequestError(error: unknown, response: Response | undefined): TokenRequestError {
  if (error instanceof TokenRequestError) return error;
  const status = response?.status ?? 0;
  if (response && (status >= 500 || status === 429)) {
    const retryAfter = retryAfterOf(response.headers);
    return new TokenRequestError('temporarily_unavailable', `the authorization server answered ${status}`, {
      retryAfter,
    });
  }
  if (error instanceof oauth.ResponseBodyError) {
    return new TokenRequestError(error.error, error.error_description ?? `answered ${error.status}`);
  }
  if (error instanceof oauth.WWWAuthenticateChallengeError) {
    return new TokenRequestError('invalid_client', `answered ${error.status}`);
  }
  if (error instanceof oauth.OperationProcessingError) {
    return new TokenRequestError('invalid_response', error.message, { cause: error });
  }
  return new TokenRequestError('temporarily_unavailable', 'the authorization server cannot be reached', {
    cause: error,
  });
}
