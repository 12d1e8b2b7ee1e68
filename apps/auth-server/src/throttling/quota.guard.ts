import { Inject, Injectable, mixin, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { authenticatedClientOf } from '../client-authentication/client-authentication.guard.ts';
import { ClientQuotas, type QuotaName } from './client-quotas.ts';
import { FairTurns } from './fair-turns.ts';
import type { ThrottledLimit } from './throttled-error.ts';
import { Throttling } from './throttling.ts';

const limits: Record<QuotaName, ThrottledLimit> = {
  tokens: 'quota',
  introspections: 'introspection_quota',
  revocations: 'revocation_quota',
  revocationLists: 'revocation_list_quota',
};

/** Lets an authenticated client go on within its quota of this name, and one after the other with the others. */
export function QuotaGuard(name: QuotaName): Type<CanActivate> {
  @Injectable()
  class NamedQuotaGuard implements CanActivate {
    static readonly quota = name;

    constructor(
      @Inject(ClientQuotas) private readonly quotas: ClientQuotas,
      @Inject(FairTurns) private readonly turns: FairTurns,
      @Inject(Throttling) private readonly throttling: Throttling,
    ) {}

    canActivate(context: ExecutionContext): true | Promise<true> {
      const request = context.switchToHttp().getRequest<FastifyRequest>();
      const client = authenticatedClientOf(request);
      const seconds = this.quotas.use(name, client);
      if (seconds > 0) this.throttling.beyond(limits[name], seconds, request, client.clientId);
      return this.turns.turnOf(client.clientId)?.then(() => true) ?? true;
    }
  }
  return mixin(NamedQuotaGuard);
}
