import 'reflect-metadata';
import { runService } from '@lanyard/service-defaults';
import { forwardAuth } from './forward-auth.ts';

await runService(forwardAuth);
