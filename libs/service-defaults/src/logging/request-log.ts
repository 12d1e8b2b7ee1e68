import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { forFlatLines, secretFields } from './logger.ts';

const requestId = /^[A-Za-z0-9._-]{1,64}$/;

/** A caller's `X-Request-Id` is kept where it is harmless, so that a job can be followed from service to service. */
export function requestIdOf(request: IncomingMessage): string {
  const id = request.headers['x-request-id'];
  return typeof id === 'string' && requestId.test(id) ? id : randomUUID();
}

declare module 'fastify' {
  interface FastifyRequest {
    /** the path of the route, with the names of its parameters */
    route: string;
    logFields: LogFields;
  }
}

/** No objects, so that nobody has to look for secrets inside them. */
export type LogFields = Record<string, string | number | boolean | null | undefined | readonly string[]>;

/** Adds fields to the line that ends this request in the log. */
export function addLogFields(request: FastifyRequest, fields: LogFields): void {
  Object.assign(request.logFields, fields);
}

/** One line for each request, with the route instead of the address, since addresses may carry what must not be logged. */
export function logRequests(fastify: FastifyInstance, logger: Logger): void {
  const lines = forFlatLines(logger);
  fastify.decorateRequest('route', '(unknown)');
  fastify.decorateRequest('logFields');
  fastify.addHook('onRequest', (request, reply, done) => {
    request.route = request.routeOptions.url ?? request.route;
    request.logFields = {};
    reply.header('x-request-id', request.id);
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const { route } = request;
    const status = reply.statusCode;
    const level = status >= 500 ? 'error' : quiet.has(route) ? 'debug' : 'info';
    if (!lines.isLevelEnabled(level)) return done();
    lines[level]({
      method: request.method,
      route,
      params: idsOf(request.params),
      status,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      request_id: request.id,
      address: request.ip,
      // Where a guard authenticated the caller.
      client_id: (request as { user?: { clientId?: string } }).user?.clientId,
      ...request.logFields,
      msg: 'request',
    });
    done();
  });
}

/** Ids alone, as anything may stand in an address. */
function idsOf(params: unknown): Record<string, string> | undefined {
  const entries = Object.entries((params ?? {}) as Record<string, string>);
  if (entries.length === 0) return undefined;
  return Object.fromEntries(
    entries.filter(([name, value]) => !secretFields.includes(name) && /^[0-9a-f-]{36}$|^[0-9a-f]{64}$/.test(value)),
  );
}

const quiet = new Set(['/health/live', '/health/ready', '/metrics']);
