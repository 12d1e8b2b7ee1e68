import { allowDocsPage } from '@lanyard/service-defaults';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import type { OpenAPIObject } from '@nestjs/swagger';

export function describeApi(app: NestFastifyApplication): OpenAPIObject {
  const about = new DocumentBuilder()
    .setTitle('Lanyard jobs API')
    .setDescription('Jobs and reports behind scopes. Errors are RFC 9457 problems; refusals are RFC 6750 challenges.')
    .setVersion('0.1.0')
    .addTag('jobs')
    .addTag('leases', 'how workers take jobs and end them')
    .addTag('files')
    .addTag('reports')
    .addGlobalResponse(
      { status: 400, description: 'the request is invalid; each field is named' },
      { status: 401, description: 'the access token is missing or invalid, with a challenge' },
      { status: 403, description: 'the access token lacks the scope, with a challenge that names it' },
    )
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT (RFC 9068)' })
    .build();
  return SwaggerModule.createDocument(app, about);
}

/** The page at `/docs`, and the document at `/docs-json`; public, as it describes nothing secret. */
export function serveApiDocs(app: NestFastifyApplication): void {
  allowDocsPage(app);
  SwaggerModule.setup('docs', app, () => describeApi(app), { customSiteTitle: 'Lanyard jobs API' });
}
