import 'reflect-metadata';
import { runService } from '@lanyard/service-defaults';
import { jobsApi } from './jobs-api.ts';

await runService(jobsApi);
