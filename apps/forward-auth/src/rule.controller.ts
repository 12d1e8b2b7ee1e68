import { All, Controller, HttpCode, HttpStatus, Res, type Type } from '@nestjs/common';
import {
  BearerException,
  CurrentAccessToken,
  ForResource,
  RequireScopes,
  type AccessToken,
} from '@lanyard/resource-server';
import { formatChallenge, formatScope } from '@lanyard/oauth-protocol';
import type { FastifyReply } from 'fastify';
import type { Rule } from './rules.ts';

export const rulesPath = '/rules/';

/**
 * The address at which a proxy asks for one rule. Only the proxy chooses it: no header, query or method of the client's
 * request selects the rule. Envoy appends the path of the request, which is ignored.
 */
export function ruleController({ name, resource, scopes }: Rule): Type {
  @Controller(rulesPath + name)
  @ForResource(resource)
  @RequireScopes(...scopes)
  class RuleController {
    @All(['', '*'])
    @HttpCode(HttpStatus.OK)
    admit(@CurrentAccessToken() token: AccessToken, @Res({ passthrough: true }) reply: FastifyReply): void {
      const { clientId, subject, scopes } = token;
      // RFC 6749 appendix A.1; a header cannot hold other characters.
      if (![clientId, subject].every((identifier) => /^[\x21-\x7E]+$/.test(identifier))) throw unusable(reply);
      // Always all of them, so that the proxy replaces those that the client has sent.
      void reply.headers({
        'x-token-client-id': clientId,
        'x-token-subject': subject,
        'x-token-scope': formatScope(scopes),
      });
    }
  }
  return RuleController;
}

function unusable(reply: FastifyReply): BearerException {
  const description = 'the access token is invalid';
  const challenge = { error: 'invalid_token', error_description: description } as const;
  void reply.header('www-authenticate', formatChallenge('Bearer', challenge));
  return new BearerException(401, challenge, 'Invalid access token', description);
}
