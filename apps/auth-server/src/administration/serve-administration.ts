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

/** What the administration API needs of the application, besides its module. */
export function serveAdministration(app: NestFastifyApplication): void {
  takeJson(app);
  addRouteHooks(app.getHttpAdapter().getInstance(), isAdministration, noStore);
  recordRefusals(app);
  waitUntilApplied(app);
  limitWorkAtATime(app, isAdministration);
  app.useGlobalPipes(validationPipe());
}

/** JSON for administration alone; the OAuth endpoints go on refusing it, before they read it. */
function takeJson(app: NestFastifyApplication): void {
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

/** Whoever was refused leaves an audit event. */
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

/** Whoever changed something finds it in force here, when they have the answer; at other replicas some moments later. */
function waitUntilApplied(app: NestFastifyApplication): void {
  const changes = app.get(RegistryChanges);
  addRouteHooks(app.getHttpAdapter().getInstance(), isAdministration, {
    onSend: async ({ method }, { statusCode }, payload) => {
      if (method !== 'GET' && statusCode < 300) await changes.catchUp();
      return payload;
    },
  });
}
