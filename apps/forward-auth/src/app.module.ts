import { Module, type DynamicModule } from '@nestjs/common';
import { ResourceServerModule, secretFromFile } from '@lanyard/resource-server';
import { resourceServerHealth } from '@lanyard/resource-server/health';
import { MetricsRegistry, Readiness } from '@lanyard/service-defaults';
import type { ForwardAuthConfiguration } from './configuration.ts';
import { ruleController } from './rule.controller.ts';

@Module({})
export class AppModule {
  static forRoot(configuration: ForwardAuthConfiguration): DynamicModule {
    const [resource = '', ...otherResources] = new Set(configuration.RULES.map((rule) => rule.resource));
    return {
      module: AppModule,
      imports: [
        ResourceServerModule.forRoot({
          issuer: configuration.ISSUER,
          issuerAddress: configuration.ISSUER_ADDRESS,
          resource,
          otherResources,
          revocations: {
            clientId: configuration.CLIENT_ID,
            clientSecret: secretFromFile(configuration.CLIENT_SECRET_FILE),
            whenStale: configuration.REVOCATIONS_WHEN_STALE,
            staleAfter: configuration.REVOCATIONS_STALE_AFTER,
            allowInsecureRequests: configuration.ALLOW_INSECURE_REQUESTS,
          },
        }),
        resourceServerHealth(Readiness, MetricsRegistry),
      ],
      controllers: configuration.RULES.map(ruleController),
    };
  }
}
