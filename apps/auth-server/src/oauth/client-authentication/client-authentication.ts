import { Injectable } from '@nestjs/common';
import { OAuthError } from '@lanyard/oauth-protocol';
import type { FastifyRequest } from 'fastify';
import { indexOfMatch, isLive } from '../../registry/client-secret.ts';
import { Client, ClientSecret } from '../../registry/client.entity.ts';
import { ClientRegistry } from '../../registry/client-registry.ts';
import { SecretUses } from '../../registry/secret-uses.ts';
import { FailureThrottle } from '../../throttling/failure-throttle.ts';
import { Throttling } from '../../throttling/throttling.ts';
import { formOf } from '../form-parameters.ts';
import { AuthenticationEvents, type Attempt } from './authentication-events.ts';
import { invalidClient, parseClientCredentials, type ClientCredentials } from './client-credentials.ts';
import { OneTimeSecrets } from './one-time-secrets.ts';

/** The client of a request, and the grant that all tokens obtained with its secret share. */
export interface Authenticated {
  client: Client;
  grantId: string;
}

/** Authenticates the client of a request, RFC 6749 section 2.3. */
@Injectable()
export class ClientAuthentication {
  constructor(
    private readonly registry: ClientRegistry,
    private readonly throttle: FailureThrottle,
    private readonly throttling: Throttling,
    private readonly uses: SecretUses,
    private readonly oneTimeSecrets: OneTimeSecrets,
    private readonly events: AuthenticationEvents,
  ) {}

  /** @throws {OAuthError} */
  async authenticate(request: FastifyRequest): Promise<Authenticated> {
    const attempt: Attempt = { request, clientId: '' };
    try {
      const credentials = parseClientCredentials(request.headers.authorization, formOf(request.body));
      attempt.clientId = credentials.clientId;
      this.refuseThrottled(attempt, credentials);
      const found = this.registry.find(credentials.clientId);
      attempt.client = found instanceof Promise ? await this.awaitLookup(found, attempt, credentials) : found;
      const { client, secret } = this.match(attempt.client, credentials.clientSecret);
      if (secret.oneTime) await this.oneTimeSecrets.consume(secret, request);
      else this.uses.record(secret.id);
      if (!this.throttling.isEnforced) this.observe(attempt);
      this.events.publish({ ...attempt, outcome: 'succeeded' });
      return { client, grantId: secret.grantId };
    } catch (error) {
      if (error instanceof OAuthError && error.code === 'invalid_client') this.refuse(attempt, error);
      throw error;
    }
  }

  /**
   * A throttled caller is refused before the lookup, unless it authenticated from this address within the hour. The
   * same work is done either way.
   */
  private refuseThrottled(attempt: Attempt, { clientId, clientSecret }: ClientCredentials): void {
    if (!this.throttling.isEnforced) return;
    const seconds = this.throttle.secondsToWait(clientId, attempt.request.ip);
    if (seconds === 0 || this.throttle.authenticatedRecently(clientId, attempt.request.ip)) return;
    indexOfMatch(clientSecret, digestsOf(this.registry.dummyClient.secrets));
    this.throttled(seconds, attempt);
  }

  private async awaitLookup(
    found: Promise<Client | undefined>,
    attempt: Attempt,
    credentials: ClientCredentials,
  ): Promise<Client | undefined> {
    const client = await found;
    // Concurrent attempts may have failed meanwhile. No `await` may come between this check and the count of a guess.
    this.refuseThrottled(attempt, credentials);
    return client;
  }

  /** The same work and words whether the client is unknown, its secret wrong or expired, or the client disabled. */
  private match(client: Client | undefined, clientSecret: string): { client: Client; secret: ClientSecret } {
    const { dummyClient } = this.registry;
    const live = (client ?? dummyClient).secrets.filter((secret) => isLive(secret));
    const compared = live.length > 0 ? live : dummyClient.secrets;
    const matching = compared[indexOfMatch(clientSecret, digestsOf(compared))];
    if (!client) throw invalidClient('unknown client');
    if (!matching || live.length === 0) throw invalidClient('wrong or expired secret');
    if (client.disabledAt) throw invalidClient('disabled client');
    return { client, secret: matching };
  }

  /** Notes a correct secret that throttling would have refused, if it were enforced. */
  private observe(attempt: Attempt): void {
    const { ip } = attempt.request;
    if (this.throttle.authenticatedRecently(attempt.clientId, ip)) return;
    this.throttled(this.throttle.secondsToWait(attempt.clientId, ip), attempt);
  }

  private refuse(attempt: Attempt, error: OAuthError): void {
    // A wrong guess at a client that is admitted in spite of failures is throttled like one at any other client.
    this.throttled(this.throttle.secondsToWait(attempt.clientId, attempt.request.ip), attempt);
    this.events.publish({ ...attempt, outcome: 'refused', error });
  }

  private throttled(seconds: number, attempt: Attempt): void {
    if (seconds === 0) return;
    if (this.throttling.isEnforced) this.events.publish({ ...attempt, outcome: 'throttled' });
    this.throttling.exceeded('failures', seconds, attempt.request);
  }
}

const digestsOf = (secrets: ClientSecret[]): Buffer[] => secrets.map(({ digest }) => digest);
