import { readSecret, type SecretSource } from '@lanyard/token-client';
import {
  clientSecretBasic,
  requireAvailable,
  UnexpectedStatusError,
  type IssuerConnection,
} from '@lanyard/token-client/issuer-connection';
import { LRUCache } from 'lru-cache';
import * as oauth from 'oauth4webapi';
import { RevocationUnknownError } from './revocation-source.ts';

/** How long an answer is used, and the shortest time without a request after a failure, ms. */
const pause = 1000;

/** Asks the authorization server about a token, RFC 7662, while the revocation list is stale. */
export class IntrospectionClient {
  private server: oauth.AuthorizationServer | undefined;
  /** At most one request at a time for each token, and one per second. */
  private readonly pending = new Map<string, Promise<boolean>>();
  private readonly answers = new LRUCache<string, boolean>({ max: 10_000, ttl: pause });
  private answered = false;
  private failedUntil = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly connection: IssuerConnection,
    private readonly client: { clientId: string; clientSecret: SecretSource },
  ) {}

  /**
   * Until the server has answered, only one request is sent at a time, and all callers wait for it.
   * @throws {RevocationUnknownError}  if there is no answer; then no request is sent for a second or two, or at least
   *   for as long as the server says (`Retry-After`, of which half a minute counts)
   */
  async isActive(token: string): Promise<boolean> {
    for (;;) {
      const known = this.answers.get(token) ?? this.pending.get(token);
      if (known !== undefined) return known;
      if (performance.now() < this.failedUntil) throw revocationUnknown();
      if (this.answered || this.pending.size === 0) return this.begin(token);
      await Promise.race(this.pending.values()).catch(() => undefined);
    }
  }

  private begin(token: string): Promise<boolean> {
    const answer = this.introspect(token)
      .then((active) => {
        this.answered = true;
        this.answers.set(token, active);
        return active;
      })
      .catch((cause: unknown) => {
        const isThrottled = cause instanceof UnexpectedStatusError && cause.isThrottled;
        if (!isThrottled) [this.answered, this.server] = [false, undefined];
        const wait = isThrottled ? Math.max(pause, cause.retryAfter * 1000) : pause;
        this.failedUntil = performance.now() + wait * (1 + Math.random());
        throw revocationUnknown(cause);
      })
      .finally(() => this.pending.delete(token));
    this.pending.set(token, answer);
    return answer;
  }

  private async introspect(token: string): Promise<boolean> {
    const { connection } = this;
    const client = { client_id: this.client.clientId };
    const server = (this.server ??= await connection.metadata());
    const secret = await readSecret(this.client.clientSecret);
    const { introspection_endpoint: endpoint } = server;
    if (endpoint === undefined) throw new Error('the authorization server has no introspection endpoint');
    connection.requireConfidential(endpoint);
    const authentication = clientSecretBasic(secret);
    const options = { ...connection.http, additionalParameters: { token_type_hint: 'access_token' } };
    const response = await oauth.introspectionRequest(server, client, authentication, token, options);
    requireAvailable(response, connection.address);
    return (await oauth.processIntrospectionResponse(server, client, response)).active;
  }
}

const revocationUnknown = (cause?: unknown) =>
  new RevocationUnknownError('introspection is not possible at the moment', { cause });
