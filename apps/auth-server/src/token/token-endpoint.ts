import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { AccessTokenResponse } from '@lanyard/oauth-protocol';
import { addLogFields, CONFIGURATION } from '@lanyard/service-defaults';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { ClientAuthentication } from '../client-authentication/client-authentication.ts';
import { AuditLog } from '../audit/audit-log.ts';
import type { AuthServerConfiguration } from '../configuration.ts';
import { ClientCredentialsGrant } from './client-credentials.grant.ts';
import { formOf } from './form-parameters.ts';
import { parseTokenRequest } from './token-request.ts';

/**
 * The token endpoint, RFC 6749 section 3.2. A route of Fastify's own: Nest's router would cost a twelfth of a token more
 * (docs/decisions/0014). Like any other, it is served by Nest's exception filters.
 */
@Injectable()
export class TokenEndpoint implements OnModuleInit {
  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost<FastifyAdapter>,
    @Inject(ClientAuthentication) private readonly authentication: ClientAuthentication,
    @Inject(ClientCredentialsGrant) private readonly clientCredentials: ClientCredentialsGrant,
    @Inject(AuditLog) private readonly audit: AuditLog,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  onModuleInit(): void {
    this.host.httpAdapter.getInstance().post('/oauth/token', (request: FastifyRequest) => this.issue(request));
  }

  private async issue(request: FastifyRequest): Promise<AccessTokenResponse> {
    const { client, grantId } = await this.authentication.authenticate(request);
    const tokenRequest = parseTokenRequest(formOf(request.body));
    const { token, claims, issued } = this.clientCredentials.issue(client, grantId, tokenRequest);
    const { aud: audience, scope = '', jti, iat, exp } = claims;
    addLogFields(request, { audience, scope, jti });
    this.audit.record(issued, this.configuration.AUDIT_ISSUANCE_PERIOD);
    return { access_token: token, token_type: 'Bearer', expires_in: exp - iat, scope };
  }
}
