import { Module, type DynamicModule } from '@nestjs/common';
import { ResourceServerModule, secretFromFile } from '@lanyard/resource-server';
import { resourceServerHealth } from '@lanyard/resource-server/health';
import { databaseModule, Readiness, MetricsRegistry, RequestQuotaModule } from '@lanyard/service-defaults';
import { ScheduleModule } from '@nestjs/schedule';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { JobsApiConfiguration } from './configuration.ts';
import { FilesController } from './files/files.controller.ts';
import { Files } from './files/files.ts';
import { Uploads } from './files/uploads.ts';
import { Job } from './jobs/job.entity.ts';
import { JobsController } from './jobs/jobs.controller.ts';
import { Jobs } from './jobs/jobs.ts';
import { LeaseSweeper } from './leases/lease-sweeper.ts';
import { LeasesController } from './leases/leases.controller.ts';
import { Leases } from './leases/leases.ts';
import { ReportsController } from './reports/reports.controller.ts';
import { Reports } from './reports/reports.ts';

@Module({})
export class AppModule {
  static forRoot(configuration: JobsApiConfiguration): DynamicModule {
    return {
      module: AppModule,
      imports: [
        databaseModule('jobs-api', configuration, [Job]),
        TypeOrmModule.forFeature([Job]),
        ScheduleModule.forRoot(),
        ResourceServerModule.forRoot({
          issuer: configuration.ISSUER,
          issuerAddress: configuration.ISSUER_ADDRESS,
          resource: configuration.RESOURCE,
          resourceName: 'Jobs API',
          keyRefreshInterval: configuration.KEY_REFRESH_INTERVAL,
          keyCooldown: configuration.KEY_COOLDOWN,
          revocations: {
            clientId: configuration.CLIENT_ID,
            clientSecret: secretFromFile(configuration.CLIENT_SECRET_FILE),
            whenStale: configuration.REVOCATIONS_WHEN_STALE,
            staleAfter: configuration.REVOCATIONS_STALE_AFTER,
            allowInsecureRequests: configuration.ALLOW_INSECURE_REQUESTS,
          },
        }),
        RequestQuotaModule,
        resourceServerHealth(Readiness, MetricsRegistry),
      ],
      controllers: [LeasesController, JobsController, FilesController, ReportsController],
      providers: [Files, Jobs, Leases, LeaseSweeper, Reports, Uploads],
    };
  }
}
