import { Controller, Inject, Post, Req } from '@nestjs/common';
import type { AccessTokenClaims, AccessTokenResponse } from '@lanyard/oauth-protocol';
import { addLogFields, CONFIGURATION } from '@lanyard/service-defaults';
import type { FastifyRequest } from 'fastify';
import { AuditLog } from '../../audit/audit-log.ts';
import type { Authenticated } from '../client-authentication/client-authentication.ts';
import { AuthenticatedClient } from '../client-authentication/client-authentication.guard.ts';
import { ClientEndpoint, Form } from '../client-endpoint.decorator.ts';
import type { AuthServerConfiguration } from '../../configuration.ts';
import { DescribeAnswer, DescribeForm } from '../client-endpoint.openapi.ts';
import { QuotaGuard } from '../quota.guard.ts';
import { ClientCredentialsGrant } from './client-credentials.grant.ts';
import type { FormParameters } from '../form-parameters.ts';
import { SigningKeyGuard } from './signing-key.guard.ts';
import { parseTokenRequest } from './token-request.ts';

/** The token endpoint, RFC 6749 section 3.2. */
@Controller()
export class TokenController {
  constructor(
    private readonly clientCredentials: ClientCredentialsGrant,
    private readonly audit: AuditLog,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  @ClientEndpoint(Post('oauth/token'), QuotaGuard('tokens'), SigningKeyGuard)
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
  issue(
    @AuthenticatedClient() { client, grantId }: Authenticated,
    @Form() form: FormParameters,
    @Req() request: FastifyRequest,
  ): AccessTokenResponse {
    const { token, claims } = this.clientCredentials.issue(client, grantId, parseTokenRequest(form));
    this.record(claims, request);
    const { scope = '', exp, iat } = claims;
    return { access_token: token, token_type: 'Bearer', expires_in: exp - iat, scope };
  }

  private record(
    { client_id: clientId, aud: audience, scope = '', jti }: AccessTokenClaims,
    request: FastifyRequest,
  ): void {
    addLogFields(request, { audience, scope, jti });
    const issued = { origin: { actor: clientId }, clientId, details: { audience, scope } };
    const key = `${clientId} ${audience} ${scope}`;
    this.audit.record({ type: 'access_token.issued', ...issued }, this.configuration.AUDIT_ISSUANCE_PERIOD, key);
  }
}
