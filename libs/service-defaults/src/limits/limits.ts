import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { problemException } from '../problem/problem.ts';

/** The maximum size of all headers together, bytes, and their maximum number. */
const headerSize = 16 * 1024;
const maxHeaders = 100;

/** How long the rest of a request may take to arrive after an early response, ms. */
const leftoverTime = 5000;

/** How much of a body is buffered before it is read, bytes. */
export const highWaterMark = 16 * 1024;

/**
 * The limits of every server, except the size of bodies, which each service sets.
 * @param requestTimeout  how long a request may take to arrive, seconds
 */
export const limitsOf = (requestTimeout: number) => ({
  // So that neither slow senders nor slow readers can hold connections.
  requestTimeout: requestTimeout * 1000,
  connectionTimeout: 90_000,
  keepAliveTimeout: 72_000,
  http: {
    maxHeaderSize: headerSize,
    headersTimeout: Math.min(15, requestTimeout) * 1000,
    connectionsCheckingInterval: 1000,
    highWaterMark,
  },
  // A client identifier may be as long.
  routerOptions: { maxParamLength: 255 },
});

/** Node drops headers over its limit, and a second Authorization: a proxy and Node would see different requests. */
export function limitHeaders(fastify: FastifyInstance): void {
  fastify.server.maxHeadersCount = 0;
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { rawHeaders } = request.raw;
    // The list has names and values.
    if (rawHeaders.length > 2 * maxHeaders) {
      return done(problemException(431, 'too-many-headers', `More than ${maxHeaders} headers`));
    }
    if (request.headers.authorization !== undefined && isRepeated('authorization', rawHeaders)) {
      return done(problemException(400, 'repeated-header', 'The Authorization header is repeated'));
    }
    return done();
  });
}

function isRepeated(name: string, rawHeaders: string[]): boolean {
  let times = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const header = rawHeaders[i]!;
    if (header.length === name.length && header.toLowerCase() === name) times += 1;
  }
  return times > 1;
}

/** Answers bytes that are not a request, and requests that do not arrive in time. */
export const answerUnreadable =
  (logger: Logger, statusInstead?: number) =>
  (error: NodeJS.ErrnoException, socket: Socket): void => {
    // Node keeps the response there for listeners of clientError.
    const pendingResponse = Reflect.get(socket, '_httpMessage') as ServerResponse | undefined;
    // Without an agreed TLS session, a response cannot be sent, and the server would wait for the caller.
    const isTlsFailure = /^ERR_(TLS|SSL)_/.test(error.code ?? '');
    if (isTlsFailure || error.code === 'ECONNRESET' || !socket.writable || pendingResponse?.headersSent) {
      socket.destroy();
      return;
    }
    const [usual, detail] = faults[error.code ?? ''] ?? [400, 'this is not an HTTP request'];
    const status = statusInstead ?? usual;
    logger.info({ msg: 'unreadable request', status, code: error.code, address: socket.remoteAddress });
    const title = STATUS_CODES[status];
    const body = JSON.stringify({ type: 'about:blank', title, status, detail });
    socket.end(
      `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\n` +
        `x-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\n\r\n${body}`,
    );
    setTimeout(() => socket.destroy(), leftoverTime).unref();
  };

const faults: Record<string, [number, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not arrive in time'],
  HPE_HEADER_OVERFLOW: [431, `the headers are larger than ${headerSize / 1024} KiB`],
};
