import { administrativeScopes } from '@lanyard/administration';
import { accessTokenScheme } from '@lanyard/resource-server';
import { allowDocsPage, describeAnswers } from '@lanyard/service-defaults';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { AuthServerConfiguration } from '../configuration.ts';
import { clientSecretScheme } from '../oauth/client-endpoint.openapi.ts';
import { admitDocsPages } from './docs-origins.ts';

export const idempotencyHeader = {
  name: 'Idempotency-Key',
  required: false,
  description: 'the same key within an hour: the same answer, and nothing is done again',
};
export const ifMatchHeader = {
  name: 'If-Match',
  required: false,
  description: 'the ETag of the state that is to be changed; 412 where it is another one by now',
};

function describeApi(app: NestFastifyApplication, { ISSUER }: AuthServerConfiguration): OpenAPIObject {
  const about = new DocumentBuilder()
    .setTitle('Lanyard authorization server')
    .setDescription(
      'What clients and resource servers call, and administration behind access tokens of the server itself. Errors of OAuth ' +
        'are as RFC 6749 section 5.2 says, all others RFC 9457 problems; refusals are RFC 6750 challenges.',
    )
    .setVersion('0.1.0')
    .addTag('oauth', 'what clients and resource servers call')
    .addTag('metadata', 'what they find out by themselves')
    .addTag('clients')
    .addTag('secrets')
    .addTag('resources', 'protected resources and their scopes')
    .addTag('registry', 'everything that a file declares, at once')
    .addTag('revocations', 'access tokens that nobody is to accept any more')
    .addTag('keys')
    .addTag('audit')
    .addTag('diagnosis')
    .addOAuth2(
      {
        type: 'oauth2',
        flows: { clientCredentials: { tokenUrl: `${ISSUER}/oauth/token`, scopes: administrativeScopes } },
      },
      accessTokenScheme,
    )
    .addBasicAuth({ type: 'http', scheme: 'basic' }, clientSecretScheme)
    .build();
  return describeAnswers(SwaggerModule.createDocument(app, about), accessTokenScheme, {
    403: 'the access token lacks the scope, with a challenge that names it; or the registry no longer gives it to the client',
    429: 'administrators have too many requests under way, or the body is one too many: try again after Retry-After',
  });
}

/** The page at `/docs`, and the document at `/docs-json`; public, as it describes nothing secret. */
export function serveApiDocs(app: NestFastifyApplication, configuration: AuthServerConfiguration): void {
  allowDocsPage(app);
  admitDocsPages(app);
  const customSiteTitle = 'Lanyard authorization server';
  SwaggerModule.setup('docs', app, () => describeApi(app, configuration), { customSiteTitle });
}
