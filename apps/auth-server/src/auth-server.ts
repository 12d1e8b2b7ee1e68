import { Logger } from '@nestjs/common';
import type { Service } from '@lanyard/service-defaults';
import { serveApiDocs } from './administration/openapi.ts';
import { serveAdministration } from './administration/serve-administration.ts';
import { AppModule } from './app.module.ts';
import { authServerConfiguration, type AuthServerConfiguration } from './configuration.ts';
import { insecureSettings } from './insecure-settings.ts';
import { withoutIssuerPath } from './issuer-path.ts';
import { serveClientEndpoints } from './oauth/client-endpoint.decorator.ts';

export const authServer: Service<typeof authServerConfiguration> = {
  name: 'auth-server',
  configuration: authServerConfiguration,
  module: (configuration) => AppModule.forRoot(configuration),
  bodyLimit: 16 * 1024,
  rewriteUrl: ({ ISSUER }) => withoutIssuerPath(ISSUER),
  setUp: (app, configuration) => {
    serveClientEndpoints(app);
    serveAdministration(app, configuration.ISSUER);
    if (configuration.API_DOCS) serveApiDocs(app, configuration);
    warnOfInsecureSettings(configuration);
  },
};

function warnOfInsecureSettings(configuration: AuthServerConfiguration): void {
  for (const msg of insecureSettings(configuration)) {
    new Logger('security').warn({ msg, ISSUER: configuration.ISSUER });
  }
}
