import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { problemException } from '../problem/problem.ts';

/** Bytes of all headers together, and their number. */
const headerSize = 16 * 1024;
const headersAtMost = 100;

/** How long the rest of a request may take to come in that was answered before its end, ms. */
const leftovers = 5000;

/** How much of a body is in memory before something reads it, bytes. */
export const highWaterMark = 16 * 1024;

/**
 * What every server takes at most; the size of bodies is the service's own.
 * @param requestTimeout  how long a request may take to come in, seconds
 */
export const limitsOf = (requestTimeout: number) => ({
  // So that slow senders cannot hold connections, nor slow readers.
  requestTimeout: requestTimeout * 1000,
  connectionTimeout: 90_000,
  keepAliveTimeout: 72_000,
  http: {
    maxHeaderSize: headerSize,
    headersTimeout: Math.min(15, requestTimeout) * 1000,
    connectionsCheckingInterval: 1000,
    highWaterMark,
  },
  routerOptions: { maxParamLength: 200 },
});

/** Node would leave out what is beyond its number of headers, and a second Authorization: two readers saw two requests. */
export function limitHeaders(fastify: FastifyInstance): void {
  fastify.server.maxHeadersCount = 0;
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { rawHeaders } = request.raw;
    // Names and values.
    if (rawHeaders.length > 2 * headersAtMost) {
      return done(problemException(431, 'too-many-headers', `More than ${headersAtMost} headers`));
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

/** Answers what is no request, or does not come in. */
export const answerUnreadable =
  (logger: Logger) =>
  (error: NodeJS.ErrnoException, socket: Socket): void => {
    // As Node keeps it for whoever listens to clientError.
    const underWay = Reflect.get(socket, '_httpMessage') as ServerResponse | undefined;
    // Whoever has not agreed on TLS cannot be told anything, and would be waited for.
    const isNoTls = /^ERR_(TLS|SSL)_/.test(error.code ?? '');
    if (isNoTls || error.code === 'ECONNRESET' || !socket.writable || underWay?.headersSent) {
      socket.destroy();
      return;
    }
    const [status, detail] = faults[error.code ?? ''] ?? [400, 'this is no HTTP request'];
    logger.info({ msg: 'unreadable request', status, code: error.code, address: socket.remoteAddress });
    const title = STATUS_CODES[status];
    const body = JSON.stringify({ type: 'about:blank', title, status, detail });
    socket.end(
      `HTTP/1.1 ${status} ${title}\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\n` +
        `x-content-type-options: nosniff\r\ncache-control: no-store\r\nconnection: close\r\n\r\n${body}`,
    );
    setTimeout(() => socket.destroy(), leftovers).unref();
  };

const faults: Record<string, [number, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not come in in time'],
  HPE_HEADER_OVERFLOW: [431, `the headers are larger than ${headerSize / 1024} KiB`],
};
