import { Logger, Module, type DynamicModule } from '@nestjs/common';
import { ResourceServerModule } from '@lanyard/resource-server';
import { resourceServerHealth } from '@lanyard/resource-server/health';
import { Readiness, MetricsRegistry, RequestQuotaModule } from '@lanyard/service-defaults';
import { secretFromFile } from '@lanyard/token-client';
import { TokenClientModule } from '@lanyard/token-client/nest';
import { ScheduleModule } from '@nestjs/schedule';
import type { BatchProcessorConfiguration } from './configuration.ts';
import { JobsClient } from './jobs-client/jobs-client.ts';
import { RunsController } from './runs/runs.controller.ts';
import { Runs } from './runs/runs.ts';

@Module({})
export class AppModule {
  static forRoot(configuration: BatchProcessorConfiguration): DynamicModule {
    const { ISSUER, ISSUER_ADDRESS, RESOURCE, CLIENT_ID, CLIENT_SECRET_FILE, ALLOW_INSECURE_REQUESTS } = configuration;
    const client = {
      clientId: CLIENT_ID,
      clientSecret: secretFromFile(CLIENT_SECRET_FILE),
      allowInsecureRequests: ALLOW_INSECURE_REQUESTS,
    };
    const issuer = { issuer: ISSUER, issuerAddress: ISSUER_ADDRESS };
    const logger = new Logger('TokenClient');
    return {
      module: AppModule,
      imports: [
        ScheduleModule.forRoot(),
        TokenClientModule.forRoot({
          ...issuer,
          ...client,
          onTokenEvent: ({ type, ...event }) => logger.log({ msg: `access token ${type}`, ...event }),
        }),
        ResourceServerModule.forRoot({
          ...issuer,
          resource: RESOURCE,
          resourceName: 'Batch processor',
          revocations: {
            ...client,
            whenStale: configuration.REVOCATIONS_WHEN_STALE,
            staleAfter: configuration.REVOCATIONS_STALE_AFTER,
          },
        }),
        RequestQuotaModule,
        resourceServerHealth(Readiness, MetricsRegistry),
      ],
      controllers: [RunsController],
      providers: [JobsClient, Runs],
    };
  }
}
