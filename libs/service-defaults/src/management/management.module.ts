import { Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';
import { Health } from '../health/health.module.ts';
import { MetricsRegistry } from '../metrics/metrics.module.ts';
import { Management } from './management.ts';

@Module({})
export class ManagementModule {
  static forRoot(logger: Logger): DynamicModule {
    return {
      module: ManagementModule,
      providers: [
        {
          provide: Management,
          inject: [Health, MetricsRegistry],
          useFactory: (health: Health, metrics: MetricsRegistry) => new Management(health, metrics, logger),
        },
      ],
    };
  }
}
