import pRetry from 'p-retry';
import { DataSource, type DataSourceOptions, type EntityManager } from 'typeorm';
import { dataSourceOptions } from './database.module.ts';
import { mayPass } from './may-pass.ts';

export interface SchemaMigration {
  service: string;
  /** the URL of the database, with its owner as the user */
  url: string;
  migrations: DataSourceOptions['migrations'];
  entities?: DataSourceOptions['entities'];
  /** a number that only the migrations of this service use, so that those of several replicas wait for each other */
  advisoryLock: number;
  say: (line: string) => void;
  /** further updates under the same lock, in one transaction */
  andThen?: (manager: EntityManager) => Promise<void>;
}

/** Migrates a schema; safe to run again, and concurrently. Waits some seconds for the database. */
export async function migrateSchema(step: SchemaMigration): Promise<void> {
  const { service, url, migrations, entities = [], advisoryLock, say, andThen } = step;
  const options = dataSourceOptions(`${service} (migration)`, url, { isMigration: true });
  const database = await pRetry(() => new DataSource({ ...options, entities, migrations }).initialize(), {
    retries: 4,
    minTimeout: 500,
    shouldRetry: ({ error }) => mayPass(error),
    onFailedAttempt: ({ error, retriesLeft }) => {
      if (retriesLeft > 0 && mayPass(error)) say('the database is not available, retrying');
    },
  });
  try {
    // A transaction holds the lock until the connection ends: behind a pooler, sessions may share a connection.
    const lock = database.createQueryRunner();
    await lock.startTransaction();
    await lock.query('SET LOCAL idle_in_transaction_session_timeout = 0');
    await lock.query('SET LOCAL statement_timeout = 0');
    await lock.query('SET LOCAL lock_timeout = 0');
    await lock.query('SELECT pg_advisory_xact_lock($1)', [advisoryLock]);
    const applied = await database.runMigrations({ transaction: 'all' });
    for (const { name } of applied) say(`schema: ${name}`);
    if (andThen) await database.transaction(andThen);
  } finally {
    await database.destroy();
  }
}
