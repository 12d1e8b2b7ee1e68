import { Injectable, Logger } from '@nestjs/common';
import type { OAuthError } from '@lanyard/oauth-protocol';
import { addLogFields, markAuthenticated, MetricsRegistry } from '@lanyard/service-defaults';
import type { FastifyRequest } from 'fastify';
import { Counter } from 'prom-client';
import { AuditLog, refusalPeriod } from '../../audit/audit-log.ts';
import type { Client } from '../../registry/client.entity.ts';
import { FailureThrottle } from '../../throttling/failure-throttle.ts';

/** An attempt to authenticate. */
export interface Attempt {
  request: FastifyRequest;
  /** as it was presented */
  clientId: string;
  /** undefined if no client is registered with this identifier */
  client?: Client;
}

/** How an attempt ended. */
export type AuthenticationEvent = Attempt &
  ({ outcome: 'succeeded' | 'throttled' } | { outcome: 'refused'; error: OAuthError });

/** An attempt that succeeds, is refused or is throttled ends with one event. `publish` lists all its consequences. */
@Injectable()
export class AuthenticationEvents {
  private readonly logger = new Logger(AuthenticationEvents.name);
  private readonly outcomes: Counter<'outcome'>;
  /** since the metrics were last collected */
  private succeeded = 0;

  constructor(
    private readonly throttle: FailureThrottle,
    private readonly auditLog: AuditLog,
    metrics: MetricsRegistry,
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

  publish(event: AuthenticationEvent): void {
    this.count(event);
    this.throttleGuesses(event);
    this.identify(event);
    // After the response, so that its timing reveals nothing.
    if (event.outcome === 'refused') setImmediate(() => this.report(event, event.error));
  }

  private count({ outcome }: AuthenticationEvent): void {
    if (outcome === 'succeeded') this.succeeded += 1;
    else this.outcomes.inc({ outcome });
  }

  private throttleGuesses({ outcome, clientId, request: { ip } }: AuthenticationEvent): void {
    if (outcome === 'succeeded') this.throttle.succeeded(clientId, ip);
    if (outcome === 'refused') this.throttle.failed(clientId, ip);
  }

  /** The log line of the request names its client, and its connection counts as an authenticated one. */
  private identify({ outcome, clientId, request }: AuthenticationEvent): void {
    if (outcome !== 'succeeded') return;
    addLogFields(request, { client_id: clientId });
    markAuthenticated(request, clientId);
  }

  /** Names only a registered client: any other identifier may be a secret in the wrong place. */
  private report({ client, request: { ip, id } }: Attempt, { cause }: OAuthError): void {
    const clientId = client?.clientId;
    this.logger.warn({
      msg: 'client authentication refused',
      client_id: clientId,
      reason: cause,
      address: ip,
      request_id: id,
    });
    const origin = { actor: null, address: ip, requestId: id };
    const details = { reason: String(cause) };
    this.auditLog.record(
      { type: 'client_authentication.refused', outcome: 'refused', clientId, origin, details },
      refusalPeriod,
    );
  }
}
