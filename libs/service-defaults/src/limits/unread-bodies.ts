import type { IncomingMessage, ServerResponse } from 'node:http';
import { NotFoundException } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { problemException } from '../problem/problem.ts';

/** How long a caller may take to read an answer that came before it had sent its body, ms. */
const patience = 5000;

/** How many such callers are waited for at a time: up to 64 KiB of the body of each are in memory. */
const lingeringAtMost = 100;

/** RFC 9112 section 6.3 */
export const bringsBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';

/**
 * Leaves bodies unread that nothing will be done with. A request is refused where it stands, and its connection closed after
 * the answer; `100 Continue` is sent when something begins to read the body, RFC 9110 section 10.1.1.
 */
export function leaveBodiesUnread(fastify: FastifyInstance): void {
  const awaitsContinue = new WeakSet<IncomingMessage>();
  const { server } = fastify;
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    awaitsContinue.add(request);
    server.emit('request', request, response);
  });
  // Node would answer by itself, and read the body to its end.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  fastify.addHook('onRequest', ({ is404, raw }, _reply, done) => {
    const { expect } = raw.headers;
    if (expect !== undefined && raw.httpVersion === '1.1' && !awaitsContinue.has(raw)) {
      return done(problemException(417, 'expectation-failed', 'The expectation cannot be met'));
    }
    if (!is404 || !bringsBody(raw)) return done();
    // A body that came together with the headers is complete then, and the connection stays open.
    setImmediate(() => done(new NotFoundException('there is nothing here')));
  });
  fastify.addHook('preParsing', ({ raw }, reply, payload, done) => {
    // While a guard decided: nothing would ever be read from it, nor answered.
    if (raw.destroyed) return done(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    if (awaitsContinue.has(raw)) {
      raw.on('newListener', (event) => {
        if ((event === 'data' || event === 'readable') && awaitsContinue.delete(raw)) reply.raw.writeContinue();
      });
    }
    return done(null, payload);
  });
  fastify.addHook('onSend', ({ raw }, reply, _payload, done) => {
    // Not complete either: a request without a body, in the moment in which its headers are read.
    if (!raw.complete && bringsBody(raw)) {
      awaitsContinue.delete(raw);
      void reply.header('connection', 'close');
      linger(raw);
    }
    done();
  });
}

let lingering = 0;

/**
 * Call it before the answer to a request whose body is not complete. Node would read and discard the rest, or destroy the
 * connection, so that the kernel resets it and the caller may lose the answer. Instead the connection is half closed, and
 * reading stops after one more read of the socket, 64 KiB at most.
 */
export function linger(request: IncomingMessage): void {
  const { socket } = request;
  if (socket.destroyed || lingering >= lingeringAtMost) return;
  lingering += 1;
  socket.once('close', () => (lingering -= 1));
  // Node reads and discards the whole of what is not being read.
  request.once('data', () => request.pause());
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), patience).unref();
  };
}
