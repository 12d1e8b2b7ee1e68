import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import { problemException } from '../problem/problem.ts';
import { network } from './network.ts';

/** Bodies up to this size are not counted, bytes: the limit of connections also limits them. */
const small = 16 * 1024;

export interface BodyLimits {
  /** the maximum size of all bodies that one address sends at a time, bytes */
  perAddress: number;
  /** whether a body is streamed, and so not held in memory */
  isStreamed: (request: FastifyRequest) => boolean;
}

/** Refuses a body before it is read, if it or all current bodies of its address together are too large. */
export function limitBodies(fastify: FastifyInstance, { perAddress, isStreamed }: BodyLimits): void {
  const heldOf = new Map<string, number>();
  fastify.addHook('preParsing', (request, reply, payload, done) => {
    const { headers } = request;
    const length = Number(headers['content-length'] ?? 0);
    const isChunked = headers['transfer-encoding'] !== undefined;
    if ((length <= small && !isChunked) || isStreamed(request)) return done(null, payload);
    const limit = request.routeOptions.bodyLimit ?? small;
    if (length > limit) return done(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
    const bytes = isChunked ? limit : length;
    const place = network(request.ip);
    const held = (heldOf.get(place) ?? 0) + bytes;
    if (held > perAddress) {
      return done(
        problemException(429, 'too-many-bytes', 'Too many bytes at once', {
          detail: `all bodies that one address sends at a time may have at most ${perAddress} bytes: try again later`,
        }),
      );
    }
    heldOf.set(place, held);
    // Counted until the response closes, which always happens: an unread body may never end.
    reply.raw.once('close', () => {
      const left = heldOf.get(place)! - bytes;
      if (left > 0) heldOf.set(place, left);
      else heldOf.delete(place);
    });
    return done(null, payload);
  });
}
