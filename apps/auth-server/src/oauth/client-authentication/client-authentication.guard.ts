import { createParamDecorator, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ClientAuthentication, type Authenticated } from './client-authentication.ts';

type AuthenticatedRequest = FastifyRequest & { authenticated: Authenticated };

/** Admits only authenticated clients. */
@Injectable()
export class ClientAuthenticationGuard implements CanActivate {
  constructor(private readonly authentication: ClientAuthentication) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    request.authenticated = await this.authentication.authenticate(request);
    return true;
  }
}

/** The client that the guard authenticated, and the grant of its tokens. */
export const authenticatedOf = (request: FastifyRequest): Authenticated =>
  (request as AuthenticatedRequest).authenticated;

export const AuthenticatedClient = createParamDecorator((_: unknown, context: ExecutionContext): Authenticated =>
  authenticatedOf(context.switchToHttp().getRequest()),
);
