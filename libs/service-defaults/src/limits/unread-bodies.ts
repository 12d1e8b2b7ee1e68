import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { NotFoundException } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { problemException } from '../problem/problem.ts';
import { network } from './network.ts';

/** How long a caller may take to read a response that was sent before the end of its body, ms. */
const patience = 5000;

/** How much more of a body must arrive to show that it is not about to end, bytes. */
const enough = 16 * 1024;

/** The maximum number of connections that linger at a time, in total and per network. */
const maxLingering = 100;
const maxLingeringPerNetwork = 10;

/** RFC 9112 section 6.3 */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';

/**
 * Leaves the bodies of refused requests unread: the request is answered at once, and its connection closed after the
 * response. `100 Continue` is sent only when the body begins to be read, RFC 9110 section 10.1.1.
 */
export function leaveBodiesUnread(fastify: FastifyInstance): void {
  const awaitsContinue = new WeakSet<IncomingMessage>();
  const { server } = fastify;
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    awaitsContinue.add(request);
    server.emit('request', request, response);
  });
  // Otherwise, Node would answer by itself, and read the body to its end.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  fastify.addHook('onRequest', ({ is404, raw }, _reply, done) => {
    const { expect } = raw.headers;
    if (expect !== undefined && raw.httpVersion === '1.1' && !awaitsContinue.has(raw)) {
      return done(problemException(417, 'expectation-failed', 'The expectation cannot be met'));
    }
    if (!is404 || !hasBody(raw)) return done();
    // By then, a body that arrived together with the headers is complete, and the connection stays open.
    setImmediate(() => done(new NotFoundException('no resource matches this path')));
  });
  fastify.addHook('preParsing', ({ raw }, reply, payload, done) => {
    // The caller left while a guard ran: nothing would ever be read or answered.
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
    // A request without a body is not complete either while its headers are being read.
    if (!raw.complete && hasBody(raw)) {
      awaitsContinue.delete(raw);
      leaveUnread(request, reply);
    }
    done();
  });
}

/** Closes the connection after this response. For malformed addresses, which Fastify refuses before the hooks run. */
export function leaveUnread(request: FastifyRequest, reply: FastifyReply): void {
  void reply.header('connection', 'close');
  if (hasBody(request.raw)) linger(request);
}

const lingeringByNetwork = new Map<string, number>();
let lingeringTotal = 0;
const lingeringSockets = new WeakSet<Socket>();

/**
 * Call it before the response to a request whose body is not complete. Node would read and discard the rest, or destroy
 * the connection, so that the kernel resets it and the caller may lose the response. Instead, the connection is half
 * closed, and reading stops after one more read of the socket, at most 64 KiB.
 */
function linger({ raw, ip }: FastifyRequest): void {
  const { socket } = raw;
  // A pipelined request has done this for the connection already.
  if (lingeringSockets.has(socket)) return;
  const place = network(ip);
  const ofNetwork = lingeringByNetwork.get(place) ?? 0;
  if (socket.destroyed || lingeringTotal >= maxLingering || ofNetwork >= maxLingeringPerNetwork) return;
  lingeringSockets.add(socket);
  lingeringTotal += 1;
  lingeringByNetwork.set(place, ofNetwork + 1);
  socket.once('close', () => {
    lingeringTotal -= 1;
    const left = lingeringByNetwork.get(place)! - 1;
    if (left > 0) lingeringByNetwork.set(place, left);
    else lingeringByNetwork.delete(place);
  });
  // Node would keep the buffered part, or read the whole body. Here, the buffered part and the rest are dropped.
  raw.read();
  const before = socket.bytesRead;
  let isReading = true;
  raw.on('data', () => {
    // NaN for an injected request, which has no socket.
    const more = socket.bytesRead - before;
    if (!isReading || !(more >= enough)) return;
    isReading = false;
    socket.pause();
    // Node resumes the socket after a request whose data was consumed.
    socket.on('resume', () => socket.pause());
  });
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), patience).unref();
  };
}
