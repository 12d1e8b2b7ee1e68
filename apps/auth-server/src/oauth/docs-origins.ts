import { addRouteHooks, methodNotAllowed } from '@lanyard/service-defaults';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { ProtectedResources } from '../registry/protected-resources.ts';

const endpoint = '/oauth/token';

/**
 * Lets only the API pages of protected resources request an access token: their "Authorize" button sends a request from
 * their origin. The browser adds no credentials to it; the page already has the client's secret.
 */
export function admitDocsPages(app: NestFastifyApplication): void {
  const resources = app.get(ProtectedResources);
  const fastify = app.getHttpAdapter().getInstance();
  addRouteHooks(fastify, ({ url }) => url === endpoint, {
    onRequest: ({ headers: { origin } }, reply, done) => {
      if (origin !== undefined && resources.hasOrigin(origin)) {
        reply.headers({ 'access-control-allow-origin': origin, vary: 'Origin' });
      }
      done();
    },
  });
  // The preflight of a browser for a request with an Authorization header, Fetch standard section 3.3.2.
  fastify.options(endpoint, (_request, reply) => {
    if (!reply.hasHeader('access-control-allow-origin')) throw methodNotAllowed(reply, 'POST');
    const allowed = 'authorization, content-type, x-requested-with';
    return reply
      .code(204)
      .headers({ 'access-control-allow-methods': 'POST', 'access-control-allow-headers': allowed })
      .send();
  });
}
