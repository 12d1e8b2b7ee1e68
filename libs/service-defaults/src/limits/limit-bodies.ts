import { errorCodes, type FastifyInstance, type FastifyRequest } from 'fastify';
import { problemException } from '../problem/problem.ts';
import { network } from './network.ts';

/** Bodies up to this size are not counted: connections are, and so what they can hold. Bytes. */
const small = 16 * 1024;

export interface BodyLimits {
  /** how many bytes of bodies may come in from one address at a time */
  perAddress: number;
  /** whether a body is passed on as it comes in, and so not held */
  isStreamed: (request: FastifyRequest) => boolean;
}

/** Refuses a body before it is read, where it is too large or where those that come in from its address are together. */
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
          detail: `the bodies that come in from one address at a time may have ${perAddress} bytes: try again later`,
        }),
      );
    }
    heldOf.set(place, held);
    // Of the answer, which always comes: a body that is not wanted may never end.
    reply.raw.once('close', () => {
      const left = heldOf.get(place)! - bytes;
      if (left > 0) heldOf.set(place, left);
      else heldOf.delete(place);
    });
    return done(null, payload);
  });
}
