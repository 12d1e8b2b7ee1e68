import { dataSourceOptions, readConfiguration } from '@lanyard/service-defaults';
import { DataSource } from 'typeorm';
import { migrationConfiguration } from '../configuration.ts';
import { Jobs1700000000001 } from './1-jobs.ts';

const advisoryLock = 0x1a9a_4d01;

/** Brings the schema up to date; safe to run again, and by many at once. */
export async function migrate(environment: NodeJS.ProcessEnv, say: (line: string) => void): Promise<void> {
  const { MIGRATION_DATABASE_URL } = readConfiguration(migrationConfiguration, environment);
  const database = await new DataSource({
    ...dataSourceOptions('jobs-api (migration)', MIGRATION_DATABASE_URL, { statementTimeout: 0 }),
    migrations: [Jobs1700000000001],
  }).initialize();
  try {
    const runner = database.createQueryRunner();
    await runner.query('SELECT pg_advisory_lock($1)', [advisoryLock]);
    try {
      const applied = await database.runMigrations({ transaction: 'all' });
      for (const { name } of applied) say(`schema: ${name}`);
    } finally {
      await runner.query('SELECT pg_advisory_unlock($1)', [advisoryLock]);
      await runner.release();
    }
  } finally {
    await database.destroy();
  }
}
