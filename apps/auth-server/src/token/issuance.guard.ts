import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { authenticatedClientOf } from '../client-authentication/client-authentication.guard.ts';
import { ClientQuotas } from '../throttling/client-quotas.ts';
import { FairTurns } from '../throttling/fair-turns.ts';
import { Throttling } from '../throttling/throttling.ts';

/** Lets an authenticated client have tokens within its quota, and one after the other with the others. */
@Injectable()
export class IssuanceGuard implements CanActivate {
  private readonly turns = new FairTurns();

  constructor(
    @Inject(ClientQuotas) private readonly quotas: ClientQuotas,
    @Inject(Throttling) private readonly throttling: Throttling,
  ) {}

  canActivate(context: ExecutionContext): true | Promise<true> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const client = authenticatedClientOf(request);
    const seconds = this.quotas.take(client);
    if (seconds > 0) this.throttling.beyond('quota', seconds, request, client.clientId);
    return this.turns.turnOf(client.clientId)?.then(() => true) ?? true;
  }
}
