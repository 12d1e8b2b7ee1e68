import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { addHooksTo } from '../route-hooks.ts';
import { forFlatLines, secretFields } from './logger.ts';

/** The syntax of request ids; it excludes a client secret in the wrong header. */
const requestId = /^(?!lanyard_cs_)[A-Za-z0-9._-]{1,64}$/;

/** Keeps a caller's `X-Request-Id` if it is harmless, so that a job can be followed from service to service. */
export function requestIdOf(request: IncomingMessage): string {
  const id = request.headers['x-request-id'];
  return typeof id === 'string' && requestId.test(id) ? id : randomUUID();
}

declare module 'fastify' {
  interface FastifyRequest {
    /** the path of the route with the names of its parameters; known after the hooks of the whole application */
    route: string;
    logFields: LogFields & { params?: Record<string, string> | undefined };
  }
}

/** No objects, so that redaction need not check inside them. */
export type LogFields = Record<string, string | number | boolean | null | undefined | readonly string[]>;

/** Adds fields to the log line of this request. */
export function addLogFields({ logFields }: FastifyRequest, fields: LogFields): void {
  // Spread syntax, here or below, would take V8 ten times as long.
  for (const name in fields) logFields[name] = fields[name];
}

/** Logs one line for each request, with the route instead of the URL, since a URL may hold secrets. */
export function logRequests(fastify: FastifyInstance, logger: Logger): void {
  const lines = forFlatLines(logger);
  fastify.decorateRequest('route', '(unknown)');
  fastify.decorateRequest('logFields');
  fastify.addHook('onRoute', (route) => {
    const { url } = route;
    addHooksTo(route, {
      onRequest: (request, _reply, done) => {
        request.route = url;
        done();
      },
    });
  });
  fastify.addHook('onRequest', (request, reply, done) => {
    const { method, id, ip } = request;
    request.logFields = {
      method,
      route: undefined,
      params: undefined,
      status: undefined,
      ms: undefined,
      request_id: id,
      address: ip,
      client_id: undefined,
    };
    reply.header('x-request-id', id);
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const { route, logFields: line } = request;
    const status = reply.statusCode;
    // There are very many requests that wait for changes, RFC 7240 section 4.3.
    const isQuiet = reply.hasHeader('preference-applied');
    const level = quiet.has(route) || (isQuiet && status < 500) ? 'debug' : status >= 500 ? 'error' : 'info';
    if (!lines.isLevelEnabled(level)) return done();
    line.route = route;
    line.params = idsOf(request.params);
    line.status = status;
    line.ms = Math.round(reply.elapsedTime * 10) / 10;
    // If a guard authenticated the caller.
    line.client_id ??= (request as { user?: { clientId?: string } }).user?.clientId;
    lines[level](line, 'request');
    done();
  });
}

/** Only ids, since a URL may hold anything. */
function idsOf(params: unknown): Record<string, string> | undefined {
  const given = params as Record<string, string>;
  let ids: Record<string, string> | undefined;
  for (const name in given) {
    const value = given[name]!;
    // What a wildcard matches is not an id.
    const isId = name !== '*' && /^[0-9a-f-]{36}$|^[0-9a-f]{64}$/.test(value);
    if (isId && !secretFields.includes(name)) (ids ??= {})[name] = value;
  }
  return ids;
}

const quiet = new Set(['/health/live', '/health/ready', '/metrics']);
