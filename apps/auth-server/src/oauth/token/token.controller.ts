import { Body, Controller, HttpCode, HttpStatus, Inject, Post, Req, UseGuards } from '@nestjs/common';
import type { AccessTokenResponse } from '@lanyard/oauth-protocol';
import { Public } from '@lanyard/resource-server/access';
import { addLogFields, CONFIGURATION } from '@lanyard/service-defaults';
import type { FastifyRequest } from 'fastify';
import { AuditLog } from '../../audit/audit-log.ts';
import {
  AuthenticatedClient,
  ClientAuthenticationGuard,
  GrantId,
} from '../client-authentication/client-authentication.guard.ts';
import type { AuthServerConfiguration } from '../../configuration.ts';
import { DescribeAnswer, DescribeForm } from '../client-endpoint.openapi.ts';
import { Client } from '../../registry/client.entity.ts';
import { QuotaGuard } from '../quota.guard.ts';
import { ClientCredentialsGrant } from './client-credentials.grant.ts';
import { formOf } from '../form-parameters.ts';
import { SigningKeyGuard } from './signing-key.guard.ts';
import { parseTokenRequest } from './token-request.ts';

/** The token endpoint, RFC 6749 section 3.2. */
@Controller('oauth/token')
export class TokenController {
  constructor(
    private readonly clientCredentials: ClientCredentialsGrant,
    private readonly audit: AuditLog,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  @Post()
  @DescribeForm({
    summary: 'Obtain an access token by the client credentials grant, RFC 6749 section 4.4',
    parameters: {
      grant_type: 'client_credentials',
      'scope?': 'scope values separated by spaces; default: the default scope of the client',
      'resource?': 'the protected resource that the token is for, RFC 8707',
    },
  })
  @DescribeAnswer(
    'the access token, RFC 6749 section 5.1',
    {
      access_token: { type: 'string' },
      token_type: { type: 'string', enum: ['Bearer'] },
      expires_in: { type: 'integer', description: 'seconds' },
      scope: { type: 'string' },
    },
    ['access_token', 'token_type', 'expires_in', 'scope'],
  )
  @Public()
  @HttpCode(HttpStatus.OK)
  @UseGuards(ClientAuthenticationGuard, QuotaGuard('tokens'), SigningKeyGuard)
  issue(
    @AuthenticatedClient() client: Client,
    @GrantId() grantId: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): AccessTokenResponse {
    const tokenRequest = parseTokenRequest(formOf(body));
    const { token, claims, issued } = this.clientCredentials.issue(client, grantId, tokenRequest);
    const { aud: audience, scope = '', jti, iat, exp } = claims;
    addLogFields(request, { audience, scope, jti });
    this.audit.record(issued, this.configuration.AUDIT_ISSUANCE_PERIOD);
    return { access_token: token, token_type: 'Bearer', expires_in: exp - iat, scope };
  }
}
