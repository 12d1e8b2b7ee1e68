import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { authenticatedClientOf } from '../client-authentication/client-authentication.guard.ts';
import { SigningKeys } from '../signing-keys/signing-keys.ts';
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
    @Inject(SigningKeys) private readonly keys: SigningKeys,
  ) {}

  canActivate(context: ExecutionContext): true | Promise<true> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const client = authenticatedClientOf(request);
    const seconds = this.quotas.take(client);
    if (seconds > 0) this.throttling.beyond('quota', seconds, request, client.clientId);
    const wait = this.keys.untilSigning ?? this.turns.turnOf(client.clientId);
    return wait?.then(() => true) ?? true;
  }
}
