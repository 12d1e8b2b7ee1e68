import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { addRouteHooks } from '../route-hooks.ts';

/**
 * Bodies of some routes come in sooner than the server has to allow for others.
 * @param isMeant  by the route's path
 */
export function limitBodyTime(app: NestFastifyApplication, seconds: number, isMeant: (url: string) => boolean): void {
  addRouteHooks(app.getHttpAdapter().getInstance(), isMeant, {
    preParsing: (_request, reply, payload, done) => {
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
      done(null, payload);
    },
  });
}
