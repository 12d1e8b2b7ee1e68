import { StandardSchemaValidationPipe } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { problemException, type Service } from '@lanyard/service-defaults';
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
  // Large files take their time.
  requestTimeout: 3600,
  setUp: (app, configuration) => {
    app.useBodyParser('application/json', { bodyLimit: jsonLimit });
    acceptFiles(app, configuration);
    app.useGlobalPipes(new StandardSchemaValidationPipe({ exceptionFactory: invalid }));
    serveApiDocs(app);
  },
};

/** Files are not read here but streamed to where they are stored. */
function acceptFiles(app: NestFastifyApplication, { FILE_SIZE_LIMIT }: JobsApiConfiguration): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addContentTypeParser('text/csv', { bodyLimit: FILE_SIZE_LIMIT }, (_request, payload, done) =>
    done(null, payload),
  );
}

/** Names each field that is wrong. */
function invalid(issues: readonly { message: string; path?: readonly unknown[] }[]) {
  const errors = issues.map(({ message, path = [] }) => ({
    field: path
      .map((segment) => (typeof segment === 'object' && segment !== null && 'key' in segment ? segment.key : segment))
      .join('.'),
    message,
  }));
  return problemException(400, 'invalid', 'The request is invalid', { errors });
}
