import { Injectable, mixin, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { authenticatedOf } from './client-authentication/client-authentication.guard.ts';
import type { Client } from '../registry/client.entity.ts';
import { ClientQuotas, type QuotaName } from '../throttling/client-quotas.ts';
import { delay, DelayedRequests } from '../throttling/delayed-requests.ts';
import { ClientFairness } from '../throttling/client-fairness.ts';
import type { ThrottledLimit } from '../throttling/throttled-error.ts';
import { Throttling } from '../throttling/throttling.ts';

const limits: Record<QuotaName, ThrottledLimit> = {
  tokens: 'quota',
  introspections: 'introspection_quota',
  revocations: 'revocation_quota',
  revocationLists: 'revocation_list_quota',
};

/** Delayed before they are refused: without the list, a resource server accepts revoked tokens. */
const delayed: ReadonlySet<QuotaName> = new Set(['revocationLists']);

/** Admits an authenticated client within the named quota, in turn with other clients. */
export function QuotaGuard(name: QuotaName): Type<CanActivate> {
  @Injectable()
  class NamedQuotaGuard implements CanActivate {
    static readonly quota = name;

    constructor(
      private readonly quotas: ClientQuotas,
      private readonly delays: DelayedRequests,
      private readonly fairness: ClientFairness,
      private readonly throttling: Throttling,
    ) {}

    canActivate(context: ExecutionContext): true | Promise<true> {
      const request = context.switchToHttp().getRequest<FastifyRequest>();
      const { client } = authenticatedOf(request);
      const seconds = this.quotas.use(name, client);
      if (seconds === 0) return this.turnOf(client);
      const isDelayed = delayed.has(name) && this.throttling.isEnforced;
      const delayEnds = isDelayed ? this.delays.delay(client.clientId) : undefined;
      if (delayEnds) {
        this.throttling.delayed(limits[name], request);
        return delayEnds.then(() => this.turnOf(client));
      }
      this.throttling.exceeded(limits[name], isDelayed ? delay : seconds, request, client.clientId);
      return this.turnOf(client);
    }

    private turnOf({ clientId }: Client): true | Promise<true> {
      return this.fairness.turnOf(clientId)?.then(() => true) ?? true;
    }
  }
  return mixin(NamedQuotaGuard);
}
