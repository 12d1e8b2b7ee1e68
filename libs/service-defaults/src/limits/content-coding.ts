import type { FastifyInstance } from 'fastify';
import { hasBody } from './unread-bodies.ts';
import { problemException } from '../problem/problem.ts';

/** Refuses compressed bodies with a clear error: nothing decodes them. RFC 9110 section 8.4. */
export function refuseContentCodings(fastify: FastifyInstance): void {
  fastify.addHook('preParsing', (request, reply, payload, done) => {
    const coding = request.headers['content-encoding']?.trim().toLowerCase();
    if (!coding || coding === 'identity' || !hasBody(request.raw)) return done(null, payload);
    // RFC 9110 section 12.5.3.
    void reply.header('accept-encoding', 'identity');
    done(
      problemException(415, 'content-coding', 'The body must not be compressed', {
        detail: 'send it without Content-Encoding',
      }),
    );
  });
}
