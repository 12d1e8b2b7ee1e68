import { Inject, Injectable, Module, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { CONFIGURATION } from '../configuration/read-configuration.ts';
import { problemException } from '../problem/problem.ts';
import { quotaBucket, quotaCache } from './quota-bucket.ts';

@Injectable()
class RequestQuotaGuard implements CanActivate {
  private readonly buckets = quotaCache<ReturnType<typeof quotaBucket>>();

  constructor(@Inject(CONFIGURATION) private readonly configuration: { REQUESTS_PER_MINUTE: number }) {}

  canActivate(context: ExecutionContext): true {
    const { user } = context.switchToHttp().getRequest<FastifyRequest & { user?: { clientId: string } }>();
    // A public route.
    if (!user) return true;
    const { REQUESTS_PER_MINUTE: perMinute } = this.configuration;
    let bucket = this.buckets.get(user.clientId);
    if (!bucket) this.buckets.set(user.clientId, (bucket = quotaBucket(perMinute)));
    if (bucket.tryRemoveTokens(1)) return true;
    throw problemException(429, 'too-many-requests', 'Too many requests', {
      detail: `a client may send ${perMinute} requests a minute: try again later`,
    });
  }
}

/**
 * Refuses requests of a client over `REQUESTS_PER_MINUTE` with 429; each replica counts for itself. Import it after
 * `ResourceServerModule`: guards run in the order of modules, and the client is known only after its access token was
 * accepted.
 */
@Module({ providers: [{ provide: APP_GUARD, useClass: RequestQuotaGuard }] })
export class RequestQuotaModule {}
