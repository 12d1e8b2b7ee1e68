import { setTimeout as sleep } from 'node:timers/promises';
import * as oauth from 'oauth4webapi';
import pRetry from 'p-retry';
import { clientSecretBasic } from './client-secret-basic.ts';
import { IssuerConnection, requireAvailable, type IssuerConnectionOptions } from './issuer-connection.ts';
import { tokenRequestErrorOf } from './response-error.ts';
import { readSecret, type SecretSource } from './secret-source.ts';
import { TokenRequestError } from './token-request-error.ts';

export interface TokenEndpointOptions extends IssuerConnectionOptions {
  clientId: string;
  clientSecret: SecretSource;
  authenticationMethod: 'client_secret_basic' | 'client_secret_post';
}

export interface TokenResponse extends oauth.TokenEndpointResponse {
  /** ms since the epoch; the token's lifetime begins no earlier than this */
  requestedAt: number;
}

/** The client credentials grant, RFC 6749 section 4.4. */
export class TokenEndpoint {
  private readonly options: TokenEndpointOptions;
  private readonly connection: IssuerConnection;
  /** Kept once it was fetched; a failure is not kept. */
  private metadata: Promise<oauth.AuthorizationServer> | undefined;

  constructor(options: TokenEndpointOptions) {
    this.options = options;
    this.connection = new IssuerConnection(options);
    this.connection.requireConfidential(options.issuer);
  }

  /**
   * Retries errors that may pass, with a growing delay and not before the server's `Retry-After`. The delays keep the
   * process alive, since a caller waits.
   * @throws {TokenRequestError}
   */
  request(parameters: Record<string, string>): Promise<TokenResponse> {
    return pRetry(() => this.requestOnce(parameters), {
      retries: 4,
      minTimeout: 100,
      maxTimeout: 2000,
      maxRetryTime: 60_000,
      randomize: true,
      shouldRetry: ({ error }) => error instanceof TokenRequestError && error.mayPass,
      onFailedAttempt: async ({ error, retriesLeft }) => {
        const wait = error instanceof TokenRequestError && error.mayPass && retriesLeft > 0 && error.retryAfter;
        if (wait) await sleep(wait * 1000);
      },
    });
  }

  /**
   * Sends one request. If the secret was replaced between reading and using it, it is read once more.
   * @throws {TokenRequestError}
   */
  async requestOnce(parameters: Record<string, string>): Promise<TokenResponse> {
    const secret = await readSecret(this.options.clientSecret);
    try {
      return await this.send(parameters, secret);
    } catch (error) {
      if (!(error instanceof TokenRequestError) || error.code !== 'invalid_client') throw error;
      const newer = await readSecret(this.options.clientSecret);
      if (newer === secret) throw error;
      return this.send(parameters, newer);
    }
  }

  private async send(parameters: Record<string, string>, secret: string): Promise<TokenResponse> {
    const { clientId: client_id, authenticationMethod } = this.options;
    const authenticate = authenticationMethod === 'client_secret_post' ? oauth.ClientSecretPost : clientSecretBasic;
    const server = await this.server();
    const requestedAt = Date.now();
    try {
      const response = await oauth.clientCredentialsGrantRequest(
        server,
        { client_id },
        authenticate(secret),
        parameters,
        this.connection.http,
      );
      requireAvailable(response, this.connection.address);
      return { ...(await oauth.processClientCredentialsResponse(server, { client_id }, response)), requestedAt };
    } catch (cause) {
      const error = await tokenRequestErrorOf(cause, 'the access token response', this.connection.address);
      if (error.code === 'invalid_response' || error.cause) this.metadata = undefined; // the endpoint may have moved
      throw withoutSecret(error, secret);
    }
  }

  private server(): Promise<oauth.AuthorizationServer> {
    this.metadata ??= this.discover().catch(async (error: unknown) => {
      this.metadata = undefined;
      throw await tokenRequestErrorOf(error, `the metadata of ${this.options.issuer}`, this.connection.address);
    });
    return this.metadata;
  }

  private async discover(): Promise<oauth.AuthorizationServer> {
    const server = await this.connection.metadata();
    const { token_endpoint: endpoint } = server;
    if (endpoint === undefined || !URL.canParse(endpoint)) return server;
    try {
      this.connection.requireConfidential(endpoint);
    } catch (error) {
      throw new TokenRequestError('invalid_response', (error as Error).message);
    }
    return server;
  }
}

/** A server may repeat the request, and so the secret, in its error description. */
function withoutSecret(error: TokenRequestError, secret: string): TokenRequestError {
  error.message = error.message.replaceAll(secret, '…');
  return error;
}
