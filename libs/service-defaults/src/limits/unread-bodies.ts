import type { IncomingMessage, ServerResponse } from 'node:http';
import { NotFoundException } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';

/** How long a caller may take to read an answer that came before it had sent its body, ms. */
const patience = 5000;

/** How many such callers are waited for at a time: up to 64 KiB of the body of each are in memory. */
const lingeringAtMost = 100;

/** RFC 9112 section 6.3 */
export const bringsBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';

/**
 * Leaves bodies unread that nothing will be done with. A request is refused where it stands, and its connection closed after
 * the answer; `100 Continue` is sent once the body is wanted, RFC 9110 section 10.1.1.
 */
export function leaveBodiesUnread(fastify: FastifyInstance): void {
  const { server } = fastify;
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
  fastify.addHook('onRequest', (request, _reply, done) => {
    done(request.is404 && bringsBody(request.raw) ? new NotFoundException('there is nothing here') : undefined);
  });
  fastify.addHook('preParsing', ({ raw }, reply, payload, done) => {
    if (raw.headers.expect !== undefined) reply.raw.writeContinue();
    done(null, payload);
  });
  const linger = lingerer();
  fastify.addHook('onSend', ({ raw }, reply, _payload, done) => {
    // Not complete either: a request without a body, in the moment in which its headers are read.
    if (!raw.complete && bringsBody(raw)) {
      void reply.header('connection', 'close');
      linger(raw);
    }
    done();
  });
}

/**
 * Node would read and discard the rest of a body, or destroy the connection, so that the kernel resets it and the caller may lose
 * the answer. Instead the connection is half closed, and reading stops after one more read of the socket, 64 KiB at most.
 */
function lingerer(): (request: IncomingMessage) => void {
  let lingering = 0;
  return (request) => {
    const { socket } = request;
    if (lingering >= lingeringAtMost) return;
    lingering += 1;
    socket.once('close', () => (lingering -= 1));
    // Node reads and discards the whole of what is not being read.
    request.once('data', () => request.pause());
    socket.destroySoon = () => {
      socket.end();
      setTimeout(() => socket.destroy(), patience).unref();
    };
  };
}
