import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { registryLimits } from '@lanyard/administration';
import type { AccessToken } from '@lanyard/resource-server';
import { addRouteHooks, jsonParser, noStore, readText, validationPipe } from '@lanyard/service-defaults';
import { errorCodes } from 'fastify';
import { AuditLog, refusalPeriod } from '../audit/audit-log.ts';
import { RegistryChanges } from '../replicas/registry-changes.ts';
import { limitWorkAtATime } from './work-at-a-time.ts';

/** Bytes; a whole registry may be applied at once. */
const bodyLimit = (route: string) => (route === '/admin/registry' ? 8 * 1024 * 1024 : 64 * 1024);

const isAdministration = ({ url }: { url?: string }): boolean => url?.startsWith('/admin/') ?? false;

/** Sets up what the administration API needs of the application; call it before routes are registered. */
export function serveAdministration(app: NestFastifyApplication, issuer: string): void {
  acceptJson(app);
  addRouteHooks(app.getHttpAdapter().getInstance(), isAdministration, noStore);
  recordRefusals(app);
  waitUntilApplied(app);
  linkBelow(app, new URL(issuer).pathname.replace(/\/$/, ''));
  limitWorkAtATime(app, isAdministration);
  app.useGlobalPipes(validationPipe());
}

/** Accepts JSON only for administration; the OAuth endpoints still refuse it, before they read it. */
function acceptJson(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  const types = ['application/json', 'application/merge-patch+json'];
  const parse = readText(jsonParser(fastify, registryLimits.values));
  fastify.addHook('onRoute', (route) => {
    if (isAdministration(route)) route.bodyLimit = bodyLimit(route.url);
  });
  fastify.addContentTypeParser(types, (request, payload, done) => {
    if (!request.is404 && !isAdministration(request.routeOptions)) {
      return done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(types[0]));
    }
    return parse(request, payload, done);
  });
}

/** Records an audit event for each refused request. */
function recordRefusals(app: NestFastifyApplication): void {
  const audit = app.get(AuditLog);
  addRouteHooks(app.getHttpAdapter().getInstance(), isAdministration, {
    onResponse: (request, { statusCode }, done) => {
      if (statusCode === 401 || statusCode === 403) {
        const { method, route, ip: address, id: requestId } = request;
        const { user } = request as { user?: AccessToken };
        audit.record(
          {
            type: 'administration.refused',
            outcome: 'refused',
            origin: { actor: user?.clientId ?? null, address, requestId },
            details: { route: `${method} ${route}`, status: statusCode },
          },
          refusalPeriod,
        );
      }
      done();
    },
  });
}

/** Answers only once a change has taken effect at this replica; the other replicas follow some moments later. */
function waitUntilApplied(app: NestFastifyApplication): void {
  const changes = app.get(RegistryChanges);
  addRouteHooks(app.getHttpAdapter().getInstance(), isAdministration, {
    onSend: async ({ method }, { statusCode }, payload) => {
      if (method !== 'GET' && statusCode < 300) await changes.catchUp();
      return payload;
    },
  });
}

/** Links lead below the path of the issuer, if it has one. */
function linkBelow(app: NestFastifyApplication, path: string): void {
  if (path === '') return;
  addRouteHooks(app.getHttpAdapter().getInstance(), isAdministration, {
    onSend: (_request, reply, payload, done) => {
      const location = reply.getHeader('location');
      if (typeof location === 'string') reply.header('location', path + location);
      done(null, payload);
    },
  });
}
