import { Body, Controller, Headers, HttpCode, HttpStatus, Post, Res, UseGuards } from '@nestjs/common';
import { introspectionResponseType, type IntrospectionResponse } from '@lanyard/oauth-protocol';
import { Public } from '@lanyard/resource-server/access';
import type { FastifyReply } from 'fastify';
import Negotiator from 'negotiator';
import {
  AuthenticatedClient,
  ClientAuthenticationGuard,
} from '../client-authentication/client-authentication.guard.ts';
import { DescribeAnswer, DescribeForm } from '../client-endpoint.openapi.ts';
import { Client } from '../../registry/client.entity.ts';
import { requireResourceServer } from '../revocation/require-resource-server.ts';
import { QuotaGuard } from '../quota.guard.ts';
import { formOf, requireToken } from '../form-parameters.ts';
import { Introspection } from './introspection.ts';

/** RFC 9701 section 4 */
const signedResponse = `application/${introspectionResponseType}`;

/** The introspection endpoint, RFC 7662 section 2. */
@Controller('oauth/introspect')
export class IntrospectionController {
  constructor(private readonly introspection: Introspection) {}

  @Post()
  @DescribeForm({
    summary: 'Find out whether an access token is active, RFC 7662: for the resource server that it is for',
    parameters: { token: 'the access token', 'token_type_hint?': 'not needed' },
  })
  @DescribeAnswer(
    'what is known of the token; signed, where Accept asks for it (RFC 9701)',
    {
      active: { type: 'boolean' },
      scope: { type: 'string' },
      client_id: { type: 'string' },
      token_type: { type: 'string' },
      exp: { type: 'integer' },
      iat: { type: 'integer' },
      sub: { type: 'string' },
      aud: { oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] },
      iss: { type: 'string' },
      jti: { type: 'string' },
    },
    ['active'],
    signedResponse,
  )
  @Public()
  @HttpCode(HttpStatus.OK)
  @UseGuards(ClientAuthenticationGuard, QuotaGuard('introspections'))
  async introspect(
    @AuthenticatedClient() client: Client,
    @Body() body: unknown,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<IntrospectionResponse | string> {
    requireResourceServer(client);
    const response = await this.introspection.introspect(requireToken(formOf(body)), client.resourceServerOf);
    if (new Negotiator({ headers: { accept } }).mediaType(['application/json', signedResponse]) !== signedResponse) {
      return response;
    }
    void reply.type(signedResponse);
    return this.introspection.sign(response, client.clientId);
  }
}
