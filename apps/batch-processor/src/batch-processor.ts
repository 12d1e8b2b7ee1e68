import type { Service } from '@lanyard/service-defaults';
import { AppModule } from './app.module.ts';
import { batchProcessorConfiguration } from './configuration.ts';

export const batchProcessor: Service<typeof batchProcessorConfiguration> = {
  name: 'batch-processor',
  configuration: batchProcessorConfiguration,
  module: (configuration) => AppModule.forRoot(configuration),
};
