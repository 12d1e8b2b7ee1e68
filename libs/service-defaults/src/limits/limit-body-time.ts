import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';

/**
 * Bodies come in sooner than the server has to allow for some.
 * @param mayTakeLonger  whether the body is one of those
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
      // Whoever reads the body hears of it as if the stream had failed; destroying that would close the connection
      // before the answer.
      if (reply.sent || payload.listenerCount('error') === 0) return;
      void reply.header('connection', 'close');
      payload.emit('error', Object.assign(new Error('the request did not come in in time'), { statusCode: 408 }));
    };
    const timer = setTimeout(tooLate, seconds * 1000).unref();
    payload.once('end', () => clearTimeout(timer));
    reply.raw.once('close', () => clearTimeout(timer));
    return done(null, payload);
  });
}
