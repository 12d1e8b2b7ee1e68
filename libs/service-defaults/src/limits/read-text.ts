import type { IncomingMessage } from 'node:http';
import { errorCodes, type FastifyRequest } from 'fastify';

type Done = (error: Error | null, value?: unknown) => void;
export type TextParser = (request: FastifyRequest, text: string, done: Done) => void;

/**
 * A content type parser that reads the body as UTF-8. Fastify's `parseAs: 'string'` keeps every piece that the network
 * delivers: an object for each byte, if a body arrives byte by byte. This parser copies the pieces into one buffer.
 */
export function readText(parse: TextParser) {
  return (request: FastifyRequest, payload: IncomingMessage, done: Done): void => {
    const limit = request.routeOptions.bodyLimit;
    const header = request.headers['content-length'];
    const announced = header === undefined ? undefined : Number(header);
    if (announced !== undefined && announced > limit) return done(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
    let held: Buffer | undefined;
    let length = 0;
    const take = (piece: Buffer): void => {
      const before = length;
      length += piece.length;
      if (length > limit) {
        stop(payload, take, end);
        return done(new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE());
      }
      // Most bodies arrive in one piece.
      held = held ? append(held, before, piece, announced ?? limit) : piece;
    };
    const end = (error?: Error & { statusCode?: number }): void => {
      stop(payload, take, end);
      if (error) {
        if (!((error.statusCode ?? 0) >= 400)) error.statusCode = 400;
        return done(error);
      }
      if (announced !== undefined && announced !== length) {
        return done(new errorCodes.FST_ERR_CTP_INVALID_CONTENT_LENGTH());
      }
      try {
        return parse(request, held ? held.toString('utf8', 0, length) : '', done);
      } catch (refusal) {
        return done(refusal as Error);
      }
    };
    payload.on('data', take).on('end', end).on('error', end);
  };
}

function stop(payload: IncomingMessage, take: (piece: Buffer) => void, end: () => void): void {
  payload.removeListener('data', take).removeListener('end', end).removeListener('error', end);
}

/**
 * Grows by doubling, so that each byte is copied about twice.
 * @param most  the maximum length of the whole body
 */
function append(held: Buffer, length: number, piece: Buffer, most: number): Buffer {
  const needed = length + piece.length;
  let room = held;
  if (needed > held.length) {
    room = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(most, 2 * needed)));
    held.copy(room, 0, 0, length);
  }
  piece.copy(room, length);
  return room;
}
