import 'reflect-metadata';
import { runService } from '@lanyard/service-defaults';
import { authServer } from './auth-server.ts';

await runService(authServer);
