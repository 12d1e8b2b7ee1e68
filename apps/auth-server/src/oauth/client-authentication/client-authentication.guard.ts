import { createParamDecorator, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Client } from '../../registry/client.entity.ts';
import { ClientAuthentication, type Authenticated } from './client-authentication.ts';

type AuthenticatedRequest = FastifyRequest & { authenticated: Authenticated };

/** Lets authenticated clients in alone. */
@Injectable()
export class ClientAuthenticationGuard implements CanActivate {
  constructor(private readonly authentication: ClientAuthentication) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    request.authenticated = await this.authentication.authenticate(request);
    return true;
  }
}

/** The client that the guard authenticated. */
export const authenticatedClientOf = (request: FastifyRequest): Client =>
  (request as AuthenticatedRequest).authenticated.client;

export const AuthenticatedClient = createParamDecorator((_: unknown, context: ExecutionContext): Client =>
  authenticatedClientOf(context.switchToHttp().getRequest()),
);

/** What the tokens have in common that the client obtains with this secret. */
export const GrantId = createParamDecorator(
  (_: unknown, context: ExecutionContext): string =>
    context.switchToHttp().getRequest<AuthenticatedRequest>().authenticated.grantId,
);
