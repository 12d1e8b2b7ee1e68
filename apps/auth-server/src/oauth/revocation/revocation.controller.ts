import { Body, Controller, HttpCode, HttpStatus, Post, Req, UseGuards } from '@nestjs/common';
import { OAuthError } from '@lanyard/oauth-protocol';
import { Public } from '@lanyard/resource-server/access';
import { addLogFields } from '@lanyard/service-defaults';
import { ApiResponse } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import {
  AuthenticatedClient,
  ClientAuthenticationGuard,
} from '../client-authentication/client-authentication.guard.ts';
import { DescribeForm } from '../client-endpoint.openapi.ts';
import { Client } from '../../registry/client.entity.ts';
import { QuotaGuard } from '../quota.guard.ts';
import { formOf, requireToken } from '../form-parameters.ts';
import { hasForeignJti, IssuedTokens } from '../../revoked-tokens/issued-tokens.ts';
import { Revocations } from '../../revoked-tokens/revocations.ts';
import { RevocationWriter } from './revocation-writer.ts';

/** The revocation endpoint, RFC 7009 section 2. */
@Controller('oauth/revoke')
export class RevocationController {
  constructor(
    private readonly tokens: IssuedTokens,
    private readonly revocations: Revocations,
    private readonly writer: RevocationWriter,
  ) {}

  /** A token that is not valid, for whatever reason, needs no revocation: that is no error, RFC 7009 section 2.2. */
  @Post()
  @DescribeForm({
    summary: 'Revoke an access token of one’s own, RFC 7009',
    parameters: { token: 'the access token', 'token_type_hint?': 'not needed' },
  })
  @ApiResponse({ status: 200, description: 'it is revoked, or was not valid' })
  @Public()
  @HttpCode(HttpStatus.OK)
  @UseGuards(ClientAuthenticationGuard, QuotaGuard('revocations'))
  async revoke(
    @AuthenticatedClient() { clientId }: Client,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    const token = await this.tokens.recogniseForCertain(requireToken(formOf(body)));
    if (!token || this.revocations.isRevoked(token)) return;
    // RFC 7009 section 2.1
    if (token.clientId !== clientId) throw new OAuthError('invalid_request', 'the token was issued to another client');
    if (hasForeignJti(token))
      throw new OAuthError('invalid_request', 'this server did not issue a token with that jti');
    addLogFields(request, { jti: token.claims.jti });
    await this.writer.revoke(token, { actor: clientId, address: request.ip, requestId: request.id });
  }
}
