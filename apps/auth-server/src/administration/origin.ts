import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AccessToken } from '@lanyard/resource-server';
import type { FastifyRequest } from 'fastify';
import type { Origin } from '../audit/append-audit-events.ts';

/** Who administers: the access token's client and scopes, and the request that it came with. */
export interface Administrator extends Origin {
  actor: string;
  scopes: ReadonlySet<string>;
}

export const CurrentAdministrator = createParamDecorator((_: unknown, context: ExecutionContext): Administrator => {
  const request = context.switchToHttp().getRequest<FastifyRequest & { user: AccessToken }>();
  const { clientId: actor, scopes } = request.user;
  return { actor, scopes, address: request.ip, requestId: request.id };
});
