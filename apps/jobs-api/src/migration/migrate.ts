import { migrateSchema, readConfiguration } from '@lanyard/service-defaults';
import { migrationConfiguration } from '../configuration.ts';
import { Jobs1700000000001 } from './1-jobs.ts';
import { Uploads1700000000002 } from './2-uploads.ts';
import { FileOwners1700000000003 } from './3-file-owners.ts';

/** Any number that the authorization server does not use: both may share a database. */
const advisoryLock = 0x1a9a_4e00;

/** Brings the schema up to date; safe to repeat and to run concurrently. */
export async function migrate(environment: NodeJS.ProcessEnv, say: (line: string) => void): Promise<void> {
  const { MIGRATION_DATABASE_URL: url } = readConfiguration(migrationConfiguration, environment);
  const migrations = [Jobs1700000000001, Uploads1700000000002, FileOwners1700000000003];
  await migrateSchema({ service: 'jobs-api', url, migrations, advisoryLock, say });
}
