import { Logger } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { errorCodes } from 'fastify';
import { addRouteHooks, readText, type Service } from '@lanyard/service-defaults';
import { serveApiDocs } from './administration/openapi.ts';
import { serveAdministration } from './administration/serve-administration.ts';
import { AppModule } from './app.module.ts';
import { authServerConfiguration, type AuthServerConfiguration } from './configuration.ts';
import { insecureSettings } from './insecure-settings.ts';
import { OAuthErrorFilter } from './oauth/oauth-error.filter.ts';
import { parseForm } from './oauth/form-parameters.ts';

export const authServer: Service<typeof authServerConfiguration> = {
  name: 'auth-server',
  configuration: authServerConfiguration,
  module: (configuration) => AppModule.forRoot(configuration),
  bodyLimit: 16 * 1024,
  setUp: (app, configuration) => {
    app.useGlobalFilters(new OAuthErrorFilter());
    acceptFormsAlone(app);
    forbidCaching(app);
    serveAdministration(app);
    if (configuration.API_DOCS) serveApiDocs(app, configuration);
    warnOfInsecureSettings(configuration);
  },
};

/** The OAuth endpoints take forms and nothing else, RFC 6749 section 3.2. */
function acceptFormsAlone(app: NestFastifyApplication): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.removeAllContentTypeParsers();
  const type = 'application/x-www-form-urlencoded';
  const parse = readText((_request, body, done) => done(null, parseForm(body)));
  fastify.addContentTypeParser(type, (request, payload, done) => {
    if (request.is404) return done(null, undefined);
    if (!request.route.startsWith('/oauth/')) return done(new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(type));
    return parse(request, payload, done);
  });
}

/** On success and on every error, RFC 6749 section 5.1; in a hook, since guards refuse before Nest sets headers. */
function forbidCaching(app: NestFastifyApplication): void {
  addRouteHooks(app.getHttpAdapter().getInstance(), (url) => /^\/(oauth|admin)\//.test(url), {
    onRequest: (_request, reply, done) => {
      reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
      done();
    },
  });
}

function warnOfInsecureSettings(configuration: AuthServerConfiguration): void {
  for (const msg of insecureSettings(configuration)) {
    new Logger('security').warn({ msg, ISSUER: configuration.ISSUER });
  }
}
