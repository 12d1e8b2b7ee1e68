import pRetry from 'p-retry';
import { DataSource, type DataSourceOptions, type EntityManager } from 'typeorm';
import { dataSourceOptions } from './database.module.ts';
import { mayPass } from './may-pass.ts';

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

/** Brings a schema up to date; safe to run again, and by many at once. Waits some seconds for the database. */
export async function migrateSchema(step: SchemaMigration): Promise<void> {
  const { service, url, migrations, entities = [], advisoryLock, say, andThen } = step;
  const options = dataSourceOptions(`${service} (migration)`, url, { isPatient: true });
  const database = await pRetry(() => new DataSource({ ...options, entities, migrations }).initialize(), {
    retries: 4,
    minTimeout: 500,
    shouldRetry: ({ error }) => mayPass(error),
    onFailedAttempt: ({ error, retriesLeft }) => {
      if (retriesLeft > 0 && mayPass(error)) say('the database is not available, it is tried again');
    },
  });
  try {
    // Held until the connection ends, by a transaction: behind a pooler, a session may have another one's connection.
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
