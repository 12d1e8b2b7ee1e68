import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { addRouteHooks } from './route-hooks.ts';

const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

/**
 * Lets a browser show the page at `/docs`, which has its own scripts and styles.
 * @param issuer  where "Authorize" obtains access tokens, if at another origin
 */
export function allowDocsPage(app: NestFastifyApplication, issuer?: string): void {
  const contentSecurityPolicy = issuer ? `${policy}; connect-src 'self' ${new URL(issuer).origin}` : policy;
  addRouteHooks(app.getHttpAdapter().getInstance(), ({ url }) => /^\/docs(\/|$)/.test(url), {
    onRequest: (_request, reply, done) => {
      reply.header('content-security-policy', contentSecurityPolicy);
      done();
    },
  });
}
