import { Module, type DynamicModule } from '@nestjs/common';
import type { Logger } from 'pino';
import { Health } from '../health/health.module.ts';
import { Registry } from '../metrics/metrics.module.ts';
import { Management } from './management.ts';

@Module({})
export class ManagementModule {
  static forRoot(logger: Logger): DynamicModule {
    return {
      module: ManagementModule,
      providers: [
        {
          provide: Management,
          inject: [Health, Registry],
          useFactory: (health: Health, metrics: Registry) => new Management(health, metrics, logger),
        },
      ],
    };
  }
}
