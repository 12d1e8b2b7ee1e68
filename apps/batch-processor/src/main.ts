import 'reflect-metadata';
import { runService } from '@lanyard/service-defaults';
import { batchProcessor } from './batch-processor.ts';

await runService(batchProcessor);
