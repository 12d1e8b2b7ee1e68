import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** Lets a browser show the page at `/docs`, which brings its own scripts and styles. */
export function allowDocsPage(app: NestFastifyApplication): void {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRequest', (request, reply, done) => {
      if (request.url.startsWith('/docs')) {
        reply.header(
          'content-security-policy',
          "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
        );
      }
      done();
    });
}
