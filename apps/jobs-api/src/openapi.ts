import { AccessRules, accessTokenScheme } from '@lanyard/resource-server';
import { allowDocsPage, describeAnswers } from '@lanyard/service-defaults';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { JobsApiConfiguration } from './configuration.ts';

function describeApi(app: NestFastifyApplication, { ISSUER }: JobsApiConfiguration): OpenAPIObject {
  const rules = app.get(AccessRules);
  const scopes = Object.fromEntries(rules.scopes().map((scope) => [scope, '']));
  const about = new DocumentBuilder()
    .setTitle('Lanyard jobs API')
    .setDescription(
      'Jobs and reports, protected by scopes. Errors are RFC 9457 problems; refusals are RFC 6750 challenges.',
    )
    .setVersion('0.1.0')
    .addTag('jobs')
    .addTag('leases', 'how workers claim and end jobs')
    .addTag('files')
    .addTag('reports')
    .addTag('metadata', 'which authorization server and scopes the API accepts')
    .addOAuth2(
      { type: 'oauth2', flows: { clientCredentials: { tokenUrl: `${ISSUER}/oauth/token`, scopes } } },
      accessTokenScheme,
    )
    .build();
  return describeAnswers(SwaggerModule.createDocument(app, about), accessTokenScheme);
}

/** Serves the page at `/docs` and the document at `/docs-json`; public, as they contain nothing secret. */
export function serveApiDocs(app: NestFastifyApplication, configuration: JobsApiConfiguration): void {
  allowDocsPage(app, configuration.ISSUER);
  SwaggerModule.setup('docs', app, () => describeApi(app, configuration), { customSiteTitle: 'Lanyard jobs API' });
}
