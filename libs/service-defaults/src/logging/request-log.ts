import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';

const requestId = /^[A-Za-z0-9._-]{1,64}$/;

/** A caller's `X-Request-Id` is kept where it is harmless, so that a job can be followed from service to service. */
export function requestIdOf(request: IncomingMessage): string {
  const id = request.headers['x-request-id'];
  return typeof id === 'string' && requestId.test(id) ? id : randomUUID();
}

declare module 'fastify' {
  interface FastifyRequest {
    logFields: Record<string, unknown>;
  }
}

/** Adds fields to the line that ends this request in the log. */
export function addLogFields(request: FastifyRequest, fields: Record<string, unknown>): void {
  Object.assign(request.logFields, fields);
}

/** One line for each request, with the route instead of the address, since addresses may carry what must not be logged. */
export function logRequests(fastify: FastifyInstance, logger: Logger): void {
  fastify.decorateRequest('logFields');
  fastify.addHook('onRequest', (request, reply, done) => {
    request.logFields = {};
    reply.header('x-request-id', request.id);
    done();
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const { method, id, logFields, ip } = request;
    const params = idsOf(request.params);
    const route = request.routeOptions.url ?? '(unknown)';
    const status = reply.statusCode;
    // Where a guard authenticated the caller.
    const client_id = (request as { user?: { clientId?: string } }).user?.clientId;
    const level = status >= 500 ? 'error' : quiet.has(route) ? 'debug' : 'info';
    const ms = Math.round(reply.elapsedTime * 10) / 10;
    logger[level]({
      method,
      route,
      params,
      status,
      ms,
      request_id: id,
      address: ip,
      client_id,
      ...logFields,
      msg: 'request',
    });
    done();
  });
}

/** Ids alone, as anything may stand in an address. */
function idsOf(params: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries((params ?? {}) as Record<string, string>).filter(([, value]) =>
      /^[0-9a-f-]{36}$|^[0-9a-f]{64}$/.test(value),
    ),
  );
}

const quiet = new Set(['/health/live', '/health/ready', '/metrics']);
