import { administrativeScopes } from '@lanyard/administration';
import { accessTokenScheme } from '@lanyard/resource-server';
import { allowDocsPage, describeAnswers } from '@lanyard/service-defaults';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { AuthServerConfiguration } from '../configuration.ts';
import { clientSecretScheme } from '../oauth/client-endpoint.openapi.ts';
import { admitDocsPages } from '../oauth/docs-origins.ts';

export const idempotencyHeader = {
  name: 'Idempotency-Key',
  required: false,
  description: 'a key that is repeated within an hour gets the same answer, and nothing is done again',
};
export const ifMatchHeader = {
  name: 'If-Match',
  required: false,
  description: 'the ETag of the state to change; 412 if the state has changed since',
};

function describeApi(app: NestFastifyApplication, { ISSUER }: AuthServerConfiguration): OpenAPIObject {
  const about = new DocumentBuilder()
    .setTitle('Lanyard authorization server')
    .setDescription(
      'The endpoints for clients and resource servers, and the administration API, which takes access tokens of this server. OAuth errors ' +
        'are as in RFC 6749 section 5.2, all others are RFC 9457 problems; refusals carry RFC 6750 challenges.',
    )
    .setVersion('0.1.0')
    .addServer(new URL(ISSUER).pathname)
    .addTag('oauth', 'the endpoints that clients and resource servers call')
    .addTag('metadata', 'the documents that they discover automatically')
    .addTag('clients')
    .addTag('secrets')
    .addTag('resources', 'protected resources and their scopes')
    .addTag('registry', 'everything that a file declares, at once')
    .addTag('revocations', 'revoked access tokens')
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
    403: 'the access token lacks the scope, which the challenge names; or the client no longer has it in the registry',
    429: 'too many requests of administrators or too many request bodies are in progress: try again after Retry-After',
  });
}

/** Serves the page at `/docs` and the document at `/docs-json`; both are public, since they contain nothing secret. */
export function serveApiDocs(app: NestFastifyApplication, configuration: AuthServerConfiguration): void {
  allowDocsPage(app);
  admitDocsPages(app);
  const customSiteTitle = 'Lanyard authorization server';
  SwaggerModule.setup('docs', app, () => describeApi(app, configuration), { customSiteTitle });
}
