import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { addRouteHooks } from './route-hooks.ts';

const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

/** Lets a browser show the page at `/docs`, which brings its own scripts and styles. */
export function allowDocsPage(app: NestFastifyApplication): void {
  addRouteHooks(app.getHttpAdapter().getInstance(), (url) => /^\/docs(\/|$)/.test(url), {
    onRequest: (_request, reply, done) => {
      reply.header('content-security-policy', policy);
      done();
    },
  });
}
