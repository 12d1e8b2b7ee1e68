import { Injectable, Logger } from '@nestjs/common';
import { OAuthError } from '@lanyard/oauth-protocol';
import { addLogFields, markAuthenticated, Registry } from '@lanyard/service-defaults';
import type { FastifyRequest } from 'fastify';
import { Counter } from 'prom-client';
import { AuditLog, refusalPeriod } from '../../audit/audit-log.ts';
import { ClientRegistry } from '../../registry/client-registry.ts';
import type { Client, ClientSecret } from '../../registry/client.entity.ts';
import { SecretUses } from '../../registry/secret-uses.ts';
import { FailureThrottle } from '../../throttling/failure-throttle.ts';
import { Throttling } from '../../throttling/throttling.ts';
import { formOf } from '../form-parameters.ts';
import { invalidClient, parseClientCredentials, type ClientCredentials } from './client-credentials.ts';
import { indexOfMatch, isLive } from '../../registry/client-secret.ts';
import { OneTimeSecrets } from './one-time-secrets.ts';

/** The client of a request, and what the tokens have in common that it obtains with its secret. */
export interface Authenticated {
  client: Client;
  grantId: string;
}

/** Authenticates the client of a request, RFC 6749 section 2.3. */
@Injectable()
export class ClientAuthentication {
  private readonly logger = new Logger(ClientAuthentication.name);
  private readonly outcomes: Counter<'outcome'>;
  /** since somebody last looked */
  private succeeded = 0;

  constructor(
    private readonly registry: ClientRegistry,
    private readonly throttle: FailureThrottle,
    private readonly throttling: Throttling,
    private readonly uses: SecretUses,
    private readonly oneTimeSecrets: OneTimeSecrets,
    private readonly audit: AuditLog,
    metrics: Registry,
  ) {
    this.outcomes = new Counter({
      name: 'lanyard_client_authentications_total',
      help: 'client authentications by outcome',
      labelNames: ['outcome'],
      registers: [metrics],
      collect: () => {
        this.outcomes.inc({ outcome: 'succeeded' }, this.succeeded);
        this.succeeded = 0;
      },
    });
  }

  /** @throws {OAuthError} */
  async authenticate(request: FastifyRequest): Promise<Authenticated> {
    let clientId = '';
    let registered: Client | undefined;
    let authenticated: Authenticated;
    try {
      const credentials = parseClientCredentials(request.headers.authorization, formOf(request.body));
      ({ clientId } = credentials);
      this.throttleFailures(credentials, request);
      const found = this.registry.find(clientId);
      if (found instanceof Promise) {
        registered = await found;
        // Others that came with it may have failed meanwhile: nothing may lie between this look and the next count.
        this.throttleFailures(credentials, request);
      } else {
        registered = found;
      }
      const { client, secret } = this.match(registered, credentials.clientSecret);
      if (secret.oneTime) await this.oneTimeSecrets.consume(secret, request);
      else this.uses.record(secret.id);
      authenticated = { client, grantId: secret.grantId };
    } catch (error) {
      if (error instanceof OAuthError && error.code === 'invalid_client') {
        // A guess at a client that is heard in spite of failures is answered like one at any other.
        this.throttled(this.throttle.secondsToWait(clientId, request.ip), request);
        this.throttle.failed(clientId, request.ip);
        this.refused(request, registered, error);
      }
      throw error;
    }
    addLogFields(request, { client_id: clientId });
    markAuthenticated(request, clientId);
    if (!this.throttling.isEnforced) this.observe(clientId, request);
    this.throttle.succeeded(clientId, request.ip);
    this.succeeded += 1;
    return authenticated;
  }

  /** Whoever has to wait is not even looked for, unless it is at home here; the same work is done either way. */
  private throttleFailures({ clientId, clientSecret }: ClientCredentials, request: FastifyRequest): void {
    if (!this.throttling.isEnforced) return;
    const seconds = this.throttle.secondsToWait(clientId, request.ip);
    if (seconds === 0 || this.throttle.isTrusted(clientId, request.ip)) return;
    indexOfMatch(clientSecret, digestsOf(this.registry.nobody.secrets));
    this.throttled(seconds, request);
  }

  /** A right secret that would not have been heard. */
  private observe(clientId: string, request: FastifyRequest): void {
    const seconds = this.throttle.secondsToWait(clientId, request.ip);
    if (!this.throttle.isTrusted(clientId, request.ip)) this.throttled(seconds, request);
  }

  private throttled(seconds: number, request: FastifyRequest): void {
    if (seconds === 0) return;
    if (this.throttling.isEnforced) this.outcomes.inc({ outcome: 'throttled' });
    this.throttling.beyond('failures', seconds, request);
  }

  /**
   * Told when the answer is on its way: how long telling takes must not tell what is told.
   * @param client  where there is one: what is no registered identifier may be a secret in the wrong place
   */
  private refused({ ip, id }: FastifyRequest, client: Client | undefined, { cause }: OAuthError): void {
    this.outcomes.inc({ outcome: 'refused' });
    const clientId = client?.clientId;
    const origin = { actor: null, address: ip, requestId: id };
    const details = { reason: String(cause) };
    setImmediate(() => {
      this.logger.warn({
        msg: 'client authentication refused',
        client_id: clientId,
        reason: cause,
        address: ip,
        request_id: id,
      });
      this.audit.record(
        { type: 'client_authentication.refused', outcome: 'refused', clientId, origin, details },
        refusalPeriod,
      );
    });
  }

  /** The same work and words whether the client is unknown, its secret wrong or expired, or the client disabled. */
  private match(client: Client | undefined, clientSecret: string): { client: Client; secret: ClientSecret } {
    const live = (client ?? this.registry.nobody).secrets.filter((secret) => isLive(secret));
    const compared = live.length > 0 ? live : this.registry.nobody.secrets;
    const matching = compared[indexOfMatch(clientSecret, digestsOf(compared))];
    if (!client) throw invalidClient('unknown client');
    if (!matching || live.length === 0) throw invalidClient('wrong or expired secret');
    if (client.disabledAt) throw invalidClient('disabled client');
    return { client, secret: matching };
  }
}

const digestsOf = (secrets: ClientSecret[]): Buffer[] => secrets.map(({ digest }) => digest);
