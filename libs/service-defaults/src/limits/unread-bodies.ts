import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { NotFoundException } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { problemException } from '../problem/problem.ts';
import { network } from './network.ts';

/** How long a caller may take to read an answer that came before it had sent its body, ms. */
const patience = 5000;

/** How much more of a body shows that it is not about to end, bytes. */
const enough = 16 * 1024;

/** How many such callers are waited for at a time, in all and of a network. */
const lingeringAtMost = 100;
const lingeringOfNetwork = 10;

/** RFC 9112 section 6.3 */
const bringsBody = ({ headers }: IncomingMessage): boolean =>
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
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    const { raw } = request;
    // Not complete either: a request without a body, in the moment in which its headers are read.
    if (!raw.complete && bringsBody(raw)) {
      awaitsContinue.delete(raw);
      leaveUnread(request, reply);
    }
    done();
  });
}

/** Closes the connection after this answer. For requests of which the hooks do not hear: Fastify refuses their address itself. */
export function leaveUnread(request: FastifyRequest, reply: FastifyReply): void {
  void reply.header('connection', 'close');
  if (bringsBody(request.raw)) linger(request);
}

const lingering = new Map<string, number>();
let lingeringInAll = 0;
const lingeringSockets = new WeakSet<Socket>();

/**
 * Call it before the answer to a request whose body is not complete. Node would read and discard the rest, or destroy the
 * connection, so that the kernel resets it and the caller may lose the answer. Instead the connection is half closed, and
 * reading stops after one more read of the socket, 64 KiB at most.
 */
function linger({ raw, ip }: FastifyRequest): void {
  const { socket } = raw;
  // Requests that were sent ahead on one connection.
  if (lingeringSockets.has(socket)) return;
  const place = network(ip);
  const ofPlace = lingering.get(place) ?? 0;
  if (socket.destroyed || lingeringInAll >= lingeringAtMost || ofPlace >= lingeringOfNetwork) return;
  lingeringSockets.add(socket);
  lingeringInAll += 1;
  lingering.set(place, ofPlace + 1);
  socket.once('close', () => {
    lingeringInAll -= 1;
    const left = lingering.get(place)! - 1;
    if (left > 0) lingering.set(place, left);
    else lingering.delete(place);
  });
  // Node would keep what waits, or read the whole. It is dropped here, and so is what comes.
  raw.read();
  const before = socket.bytesRead;
  let isReading = true;
  raw.on('data', () => {
    // There are none where a request is injected.
    const more = socket.bytesRead - before;
    if (!isReading || !(more >= enough)) return;
    isReading = false;
    socket.pause();
    // By a request from which nothing waits any more.
    socket.on('resume', () => socket.pause());
  });
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), patience).unref();
  };
}
