import { DataSource, type DataSourceOptions, type EntityManager } from 'typeorm';
import { dataSourceOptions } from './database.module.ts';

export interface SchemaMigration {
  service: string;
  /** the database as its owner */
  url: string;
  migrations: DataSourceOptions['migrations'];
  entities?: DataSourceOptions['entities'];
  /** any number, the same for every replica's step and no other's: they wait for each other */
  advisoryLock: number;
  say: (line: string) => void;
  /** what else is brought up to date under the same lock, in one transaction */
  andThen?: (manager: EntityManager) => Promise<void>;
}

/** Brings a schema up to date; safe to run again, and by many at once. */
export async function migrateSchema(step: SchemaMigration): Promise<void> {
  const { service, url, migrations, entities = [], advisoryLock, say, andThen } = step;
  const database = await new DataSource({
    ...dataSourceOptions(`${service} (migration)`, url, { isPatient: true }),
    entities,
    migrations,
  }).initialize();
  try {
    const runner = database.createQueryRunner();
    await runner.query('SELECT pg_advisory_lock($1)', [advisoryLock]);
    try {
      const applied = await database.runMigrations({ transaction: 'all' });
      for (const { name } of applied) say(`schema: ${name}`);
      if (andThen) await database.transaction(andThen);
    } finally {
      await runner.query('SELECT pg_advisory_unlock($1)', [advisoryLock]);
      await runner.release();
    }
  } finally {
    await database.destroy();
  }
}
