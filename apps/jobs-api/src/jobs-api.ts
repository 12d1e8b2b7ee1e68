import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { limitBodyTime, validationPipe, type Service } from '@lanyard/service-defaults';
import type { FastifyRequest } from 'fastify';
import { AppModule } from './app.module.ts';
import { jobsApiConfiguration, type JobsApiConfiguration } from './configuration.ts';
import { serveApiDocs } from './openapi.ts';

/** Results of wide files are large. */
const jsonLimit = 4 * 1024 * 1024;

export const jobsApi: Service<typeof jobsApiConfiguration> = {
  name: 'jobs-api',
  configuration: jobsApiConfiguration,
  module: (configuration) => AppModule.forRoot(configuration),
  bodyLimit: jsonLimit,
  isStreamed: isFile,
  // Large files take their time.
  requestTimeout: 3600,
  setUp: (app, configuration) => {
    limitBodyTime(app, 30, isFile);
    acceptFiles(app, configuration);
    app.useGlobalPipes(validationPipe());
    if (configuration.API_DOCS) serveApiDocs(app, configuration);
  },
};

function isFile({ route, headers }: FastifyRequest): boolean {
  return route === '/files' && headers['content-type']?.toLowerCase().startsWith('text/csv') === true;
}

/** Files are not read here but streamed to where they are stored. */
function acceptFiles(app: NestFastifyApplication, { FILE_SIZE_LIMIT }: JobsApiConfiguration): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addContentTypeParser('text/csv', { bodyLimit: FILE_SIZE_LIMIT }, (_request, payload, done) =>
    done(null, payload),
  );
}
