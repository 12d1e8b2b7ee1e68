import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { addRouteHooks, noStore, type Service } from '@lanyard/service-defaults';
import { AppModule } from './app.module.ts';
import { forwardAuthConfiguration } from './configuration.ts';
import { rulesPath } from './rule.controller.ts';
import { RefusalFilter } from './refusal.filter.ts';

export const forwardAuth: Service<typeof forwardAuthConfiguration> = {
  name: 'forward-auth',
  configuration: forwardAuthConfiguration,
  module: (configuration) => AppModule.forRoot(configuration),
  unreadableStatus: 403,
  setUp: (app) => {
    app.useGlobalFilters(new RefusalFilter());
    ignoreBodies(app);
    addRouteHooks(app.getHttpAdapter().getInstance(), ({ url }) => url.startsWith(rulesPath), noStore);
  },
};

/** A proxy may send the body of the client's request along; only its headers count. */
function ignoreBodies(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume();
    done(null, undefined);
  });
}
