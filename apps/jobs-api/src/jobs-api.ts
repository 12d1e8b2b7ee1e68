import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { limitBodyTime, validationPipe, type Service } from '@lanyard/service-defaults';
import type { FastifyRequest } from 'fastify';
import { AppModule } from './app.module.ts';
import { jobsApiConfiguration, type JobsApiConfiguration } from './configuration.ts';
import { serveApiDocs } from './openapi.ts';

/** Bytes: results of files with many columns are large. */
const jsonLimit = 4 * 1024 * 1024;

export const jobsApi: Service<typeof jobsApiConfiguration> = {
  name: 'jobs-api',
  configuration: jobsApiConfiguration,
  module: (configuration) => AppModule.forRoot(configuration),
  bodyLimit: jsonLimit,
  isStreamed: isFile,
  // Large files take long to upload.
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

/** Passes files on as streams, without reading them into memory. */
function acceptFiles(app: NestFastifyApplication, { FILE_SIZE_LIMIT }: JobsApiConfiguration): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addContentTypeParser('text/csv', { bodyLimit: FILE_SIZE_LIMIT }, (_request, payload, done) =>
    done(null, payload),
  );
}
