import { allowDocsPage } from '@lanyard/service-defaults';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

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

export function describeApi(app: NestFastifyApplication): OpenAPIObject {
  const about = new DocumentBuilder()
    .setTitle('Lanyard administration API')
    .setDescription(
      "Clients, secrets, protected resources, signing keys and the audit log, behind the server's own access tokens. " +
        'Errors are RFC 9457 problems; refusals are RFC 6750 challenges.',
    )
    .setVersion('0.1.0')
    .addTag('clients')
    .addTag('secrets')
    .addTag('resources', 'protected resources and their scopes')
    .addTag('registry', 'everything that a file declares, at once')
    .addTag('revocations', 'access tokens that nobody is to accept any more')
    .addTag('keys')
    .addTag('audit')
    .addTag('diagnosis')
    .addGlobalResponse(
      { status: 400, description: 'the request is invalid; each field is named' },
      { status: 401, description: 'the access token is missing or invalid, with a challenge' },
      {
        status: 403,
        description:
          'the access token lacks the scope, with a challenge that names it; or the registry no longer gives it to the client',
      },
      { status: 429, description: 'administrators have too many requests under way: try again after Retry-After' },
    )
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT (RFC 9068)' })
    .build();
  const document = SwaggerModule.createDocument(app, about);
  const paths = Object.entries(document.paths).filter(([path]) => path.startsWith('/admin/'));
  return { ...document, paths: Object.fromEntries(paths) };
}

/** The page at `/docs`, and the document at `/docs-json`; public, as it describes nothing secret. */
export function serveApiDocs(app: NestFastifyApplication): void {
  allowDocsPage(app);
  SwaggerModule.setup('docs', app, () => describeApi(app), { customSiteTitle: 'Lanyard administration API' });
}
