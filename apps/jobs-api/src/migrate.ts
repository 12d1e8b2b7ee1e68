import 'reflect-metadata';
import { runMigration } from '@lanyard/service-defaults';
import { migrate } from './migration/migrate.ts';

await runMigration('jobs-api', migrate);
