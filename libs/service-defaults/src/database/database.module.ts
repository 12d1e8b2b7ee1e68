import { Inject, Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { DataSource, type EntityTarget, type ObjectLiteral } from 'typeorm';
import type { DatabaseConfiguration } from '../configuration/common-configuration.ts';
import { Readiness } from '../health/health.module.ts';
import { withTimeout } from '../with-timeout.ts';
import { DatabaseClient } from './database-client.ts';
import { PatientClient } from './patient-client.ts';

const ESSENTIAL = Symbol('essential');
const noReport = () => undefined;

/** How long an answer is awaited, ms: a database that is cut off without a word says nothing. */
const patience = 1000;

@Module({})
class DatabaseReadinessModule implements OnModuleInit {
  private asking?: Promise<unknown>;

  constructor(
    @Inject(DataSource) private readonly database: DataSource,
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(ESSENTIAL) private readonly essential: boolean,
  ) {}

  onModuleInit(): void {
    this.readiness.require('database', async () => {
      const answer = withTimeout(this.ask(), patience);
      if (!this.essential)
        return answer.then(noReport, () => ({ degraded: 'the database does not answer at the moment' }));
      await answer;
      return undefined;
    });
  }

  /** One question at a time, so that those that get no answer take one connection. */
  private ask(): Promise<unknown> {
    this.asking ??= this.database.query('SELECT 1').finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }
}

/**
 * A pool of connections through TypeORM. It alters no schema: that is the migration step's work.
 * `essential: false` is for a service that goes on without its database: it is degraded then, and stays ready.
 */
export function databaseModule(
  service: string,
  configuration: DatabaseConfiguration,
  entities: EntityTarget<ObjectLiteral>[],
  { essential = true }: { essential?: boolean } = {},
): DynamicModule {
  return {
    module: DatabaseReadinessModule,
    providers: [{ provide: ESSENTIAL, useValue: essential }],
    imports: [
      pool(service, configuration, { entities: entities as never, poolSize: configuration.DATABASE_POOL_SIZE }),
    ],
  };
}

/** One more pool of connections to the same database, so that some work leaves the first one to the rest. */
export function separatePool(
  name: string,
  service: string,
  configuration: DatabaseConfiguration,
  entities: EntityTarget<ObjectLiteral>[],
  poolSize: number,
): DynamicModule {
  return pool(`${service} (${name})`, configuration, { name, entities: entities as never, poolSize });
}

const pool = (applicationName: string, { DATABASE_URL }: DatabaseConfiguration, options: TypeOrmModuleOptions) =>
  TypeOrmModule.forRoot({
    ...dataSourceOptions(applicationName, DATABASE_URL),
    ...options,
    retryAttempts: 5,
    retryDelay: 1000,
  } as TypeOrmModuleOptions);

/**
 * Whoever is frozen or cut off in the midst of a transaction must not keep its locks for long; ms. Nothing in one waits
 * for anybody but the database.
 */
const impatience = {
  statement_timeout: 10_000,
  idle_in_transaction_session_timeout: 5000,
  Client: PatientClient,
};

/** The same connection settings for the service and for its migrations, which may take their time. */
export function dataSourceOptions(service: string, url: string, { isPatient = false } = {}) {
  return {
    type: 'postgres',
    url,
    applicationName: service,
    connectTimeoutMS: 3000,
    installExtensions: false,
    uuidExtension: 'pgcrypto',
    logging: false,
    extra: { keepAlive: true, Client: DatabaseClient, ...(!isPatient && impatience) },
  } as const;
}
