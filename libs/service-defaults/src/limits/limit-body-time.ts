import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';

/**
 * Limits the time that a body may take to arrive, below the limit of the server, which must allow for slow uploads.
 * @param mayTakeLonger  whether only the limit of the server applies to this request
 */
export function limitBodyTime(
  app: NestFastifyApplication,
  seconds: number,
  mayTakeLonger: (request: FastifyRequest) => boolean,
): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('preParsing', (request, reply, payload, done) => {
    if (mayTakeLonger(request)) return done(null, payload);
    const tooLate = () => {
      // The reader of the body gets an error as if the stream had failed. Destroying the stream would close the
      // connection before the response.
      if (reply.sent || payload.listenerCount('error') === 0) return;
      void reply.header('connection', 'close');
      payload.emit('error', Object.assign(new Error('the request did not arrive in time'), { statusCode: 408 }));
    };
    const timer = setTimeout(tooLate, seconds * 1000).unref();
    payload.once('end', () => clearTimeout(timer));
    reply.raw.once('close', () => clearTimeout(timer));
    return done(null, payload);
  });
}
