import { Inject, Injectable } from '@nestjs/common';
import { addLogFields, CONFIGURATION, MetricsRegistry } from '@lanyard/service-defaults';
import type { FastifyRequest } from 'fastify';
import { Counter } from 'prom-client';
import type { AdministrationLimit } from '../administration-limits.ts';
import { AuditLog, refusalPeriod } from '../audit/audit-log.ts';
import type { AuthServerConfiguration } from '../configuration.ts';
import { ThrottledError, type ThrottledLimit } from './throttled-error.ts';

/** What happens to requests over a limit: they are refused, answered later, or only noted. */
@Injectable()
export class Throttling {
  private readonly requests: Counter<'limit' | 'enforced'>;

  constructor(
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    private readonly audit: AuditLog,
    metrics: MetricsRegistry,
  ) {
    this.requests = new Counter({
      name: 'lanyard_throttled_requests_total',
      help: 'requests over a limit (failures, a quota, concurrent administration); enforced="false": admitted, since THROTTLING is observe',
      labelNames: ['limit', 'enforced'],
      registers: [metrics],
    });
  }

  get isEnforced(): boolean {
    return this.configuration.THROTTLING === 'enforce';
  }

  /** Notes a request over a limit of administration, which is refused. */
  refused(limit: AdministrationLimit, request: FastifyRequest): void {
    this.requests.inc({ limit, enforced: 'true' });
    addLogFields(request, { throttled: limit });
  }

  /** Notes a request over a limit that is answered later. */
  delayed(limit: ThrottledLimit, request: FastifyRequest): void {
    this.requests.inc({ limit, enforced: 'true' });
    addLogFields(request, { delayed: limit });
  }

  /**
   * @param seconds   to wait
   * @param clientId  if the client authenticated
   * @throws {ThrottledError} unless THROTTLING is observe
   */
  exceeded(limit: ThrottledLimit, seconds: number, request: FastifyRequest, clientId?: string): void {
    const { ip: address, id: requestId } = request;
    this.requests.inc({ limit, enforced: String(this.isEnforced) });
    addLogFields(request, { [this.isEnforced ? 'throttled' : 'would_throttle']: limit });
    if (!this.isEnforced) return;
    this.audit.record(
      {
        type: 'request.throttled',
        outcome: 'refused',
        clientId,
        origin: { actor: clientId ?? null, address, requestId },
        details: { limit },
      },
      refusalPeriod,
    );
    throw new ThrottledError(limit, seconds);
  }
}
