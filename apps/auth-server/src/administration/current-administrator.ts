import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { AccessToken } from '@lanyard/resource-server';
import { accessRuleOf } from '@lanyard/resource-server/access';
import type { FastifyRequest } from 'fastify';
import { serverOrigin, type Origin } from '../audit/append-audit-events.ts';

/** The administrator who acts: the client of the access token, and the request that carries it. */
export interface Administrator extends Origin {
  actor: string;
  /** undefined: the server itself acts */
  token: AccessToken | undefined;
  /** The scopes that the act needs: those of its route, and the administrative ones of the clients that it concerns. */
  needs: Set<string>;
  /** The scope that the client had in the registry when it was last read. */
  held?: readonly string[];
}

export const CurrentAdministrator = createParamDecorator((_: unknown, context: ExecutionContext): Administrator => {
  const request = context.switchToHttp().getRequest<FastifyRequest & { user: AccessToken }>();
  const { user: token } = request;
  const rule = accessRuleOf(context.getHandler(), context.getClass());
  const needs = new Set(rule && 'scopes' in rule ? rule.scopes : []);
  return { actor: token.clientId, token, needs, address: request.ip, requestId: request.id };
});

/** The server itself, whose acts neither a token nor the registry limits. */
export const theServer = (part: Parameters<typeof serverOrigin>[0]): Administrator => ({
  ...serverOrigin(part),
  token: undefined,
  needs: new Set(),
});
