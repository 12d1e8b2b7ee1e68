import { Controller, Post, Req } from '@nestjs/common';
import { OAuthError } from '@lanyard/oauth-protocol';
import { addLogFields } from '@lanyard/service-defaults';
import { ApiResponse } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { Authenticated } from '../client-authentication/client-authentication.ts';
import { AuthenticatedClient } from '../client-authentication/client-authentication.guard.ts';
import { ClientEndpoint, Form } from '../client-endpoint.decorator.ts';
import { DescribeForm } from '../client-endpoint.openapi.ts';
import { QuotaGuard } from '../quota.guard.ts';
import { requireToken, type FormParameters } from '../form-parameters.ts';
import { hasForeignJti, IssuedTokens } from '../../revoked-tokens/issued-tokens.ts';
import { RevocationState } from '../../revoked-tokens/revocation-state.ts';
import { RevocationWriter } from './revocation-writer.ts';

/** The revocation endpoint, RFC 7009 section 2. */
@Controller()
export class RevocationController {
  constructor(
    private readonly tokens: IssuedTokens,
    private readonly revocations: RevocationState,
    private readonly writer: RevocationWriter,
  ) {}

  /** A token that is invalid for any reason needs no revocation: that is not an error, RFC 7009 section 2.2. */
  @ClientEndpoint(Post('oauth/revoke'), QuotaGuard('revocations'))
  @DescribeForm({
    summary: 'Revoke one of the client’s own access tokens, RFC 7009',
    parameters: { token: 'the access token', 'token_type_hint?': 'not needed' },
  })
  @ApiResponse({ status: 200, description: 'the token is revoked, or was not valid' })
  async revoke(
    @AuthenticatedClient() { client: { clientId } }: Authenticated,
    @Form() form: FormParameters,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    const token = await this.tokens.validateWithFreshKeys(requireToken(form));
    if (!token || this.revocations.isRevoked(token)) return;
    // RFC 7009 section 2.1
    if (token.clientId !== clientId) throw new OAuthError('invalid_request', 'the token was issued to another client');
    if (hasForeignJti(token))
      throw new OAuthError('invalid_request', 'this server did not issue a token with that jti');
    addLogFields(request, { jti: token.claims.jti });
    await this.writer.revoke(token, { actor: clientId, address: request.ip, requestId: request.id });
  }
}
