import { Body, Controller, HttpCode, HttpStatus, Inject, Post, Req, UseGuards } from '@nestjs/common';
import type { AccessTokenResponse } from '@lanyard/oauth-protocol';
import { addLogFields } from '@lanyard/service-defaults';
import type { FastifyRequest } from 'fastify';
import {
  AuthenticatedClient,
  ClientAuthenticationGuard,
} from '../client-authentication/client-authentication.guard.ts';
import { Client } from '../registry/client.entity.ts';
import { ClientCredentialsGrant } from './client-credentials.grant.ts';
import { formOf } from './form-parameters.ts';
import { parseTokenRequest } from './token-request.ts';

/** The token endpoint, RFC 6749 section 3.2. */
@Controller('oauth/token')
export class TokenController {
  constructor(@Inject(ClientCredentialsGrant) private readonly clientCredentials: ClientCredentialsGrant) {}

  @Post()
  @HttpCode(HttpStatus.OK)
  @UseGuards(ClientAuthenticationGuard)
  issue(
    @AuthenticatedClient() client: Client,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): AccessTokenResponse {
    const { token, claims } = this.clientCredentials.issue(client, parseTokenRequest(formOf(body)));
    const { aud: audience, scope = '', jti, iat, exp } = claims;
    addLogFields(request, { audience, scope, jti });
    return { access_token: token, token_type: 'Bearer', expires_in: exp - iat, scope };
  }
}
