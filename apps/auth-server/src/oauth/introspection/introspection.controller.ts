import { Controller, Headers, Post, Res } from '@nestjs/common';
import { introspectionResponseType, type IntrospectionResponse } from '@lanyard/oauth-protocol';
import type { FastifyReply } from 'fastify';
import Negotiator from 'negotiator';
import type { Authenticated } from '../client-authentication/client-authentication.ts';
import { AuthenticatedClient } from '../client-authentication/client-authentication.guard.ts';
import { ClientEndpoint, Form } from '../client-endpoint.decorator.ts';
import { DescribeAnswer, DescribeForm } from '../client-endpoint.openapi.ts';
import { requireResourceServer } from '../require-resource-server.ts';
import { QuotaGuard } from '../quota.guard.ts';
import { requireToken, type FormParameters } from '../form-parameters.ts';
import { Introspection } from './introspection.ts';

/** RFC 9701 section 4 */
const signedResponse = `application/${introspectionResponseType}`;

/** The introspection endpoint, RFC 7662 section 2. */
@Controller()
export class IntrospectionController {
  constructor(private readonly introspection: Introspection) {}

  @ClientEndpoint(Post('oauth/introspect'), QuotaGuard('introspections'))
  @DescribeForm({
    summary: 'Introspect an access token, RFC 7662, as the resource server that it was issued for',
    parameters: { token: 'the access token', 'token_type_hint?': 'not needed' },
  })
  @DescribeAnswer(
    'the state and the claims of the token; signed, if Accept requests it (RFC 9701)',
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
  async introspect(
    @AuthenticatedClient() { client }: Authenticated,
    @Form() form: FormParameters,
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<IntrospectionResponse | string> {
    requireResourceServer(client);
    const response = await this.introspection.introspect(requireToken(form), client.resourceServerOf);
    if (new Negotiator({ headers: { accept } }).mediaType(['application/json', signedResponse]) !== signedResponse) {
      return response;
    }
    void reply.type(signedResponse);
    return this.introspection.sign(response, client.clientId);
  }
}
