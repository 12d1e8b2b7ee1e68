import { Inject, Logger, Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { DataSource, type EntityTarget, type ObjectLiteral } from 'typeorm';
import type { DatabaseConfiguration } from '../configuration/common-configuration.ts';
import { Readiness } from '../health/health.module.ts';
import { singleFlight } from '@lanyard/oauth-protocol';
import { withTimeout } from '../with-timeout.ts';
import { DatabaseClient } from './database-client.ts';
import { mayPass } from './may-pass.ts';
import { ReadTimeoutClient } from './read-timeout-client.ts';

const ESSENTIAL = Symbol('essential');
const noReport = () => undefined;

/** How long a check waits for the database, ms: one that is cut off silently never answers. */
const checkTimeout = 1000;

@Module({})
class DatabaseReadinessModule implements OnModuleInit {
  private readonly logger = new Logger('Database');

  constructor(
    private readonly database: DataSource,
    private readonly readiness: Readiness,
    @Inject(ESSENTIAL) private readonly essential: boolean,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.warnIfUnlimited().catch(noReport);
    this.readiness.require('database', async () => {
      const answer = withTimeout(this.ping(), checkTimeout);
      if (!this.essential)
        return answer.then(noReport, () => ({ degraded: 'the database does not answer at the moment' }));
      await answer;
      return undefined;
    });
  }

  /** A pooler may drop the settings of a connection. */
  private async warnIfUnlimited(): Promise<void> {
    const [limits] = await this.database.query<{ statement: string; idle: string }[]>(
      `SELECT current_setting('statement_timeout') AS statement,
              current_setting('idle_in_transaction_session_timeout') AS idle`,
    );
    if (limits?.statement !== '0' && limits?.idle !== '0') return;
    this.logger.warn(
      `statements and idle transactions have no time limit, because a pooler dropped it: ` +
        `ALTER ROLE … SET statement_timeout = '${timeLimits.statement_timeout}', ` +
        `idle_in_transaction_session_timeout = '${timeLimits.idle_in_transaction_session_timeout}'`,
    );
  }

  /** One query at a time, so that unanswered checks take only one connection. */
  private readonly ping = singleFlight(() => this.database.query('SELECT 1'));
}

/**
 * A pool of connections through TypeORM. It does not alter the schema: the migration step does.
 * `essential: false` is for a service that works without its database: it is then degraded, and stays ready.
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

/** Another pool of connections to the same database, so that some work cannot use up the first one. */
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
    toRetry: mayPass,
  } as TypeOrmModuleOptions);

/**
 * A service that is frozen or cut off during a transaction must not keep its locks for long; ms. Transactions wait for
 * nothing but the database.
 */
const timeLimits = {
  statement_timeout: 10_000,
  idle_in_transaction_session_timeout: 5000,
  Client: ReadTimeoutClient,
};

/** The connection settings of a service, and of its migrations, which have no time limits. */
export function dataSourceOptions(service: string, url: string, { isMigration = false } = {}) {
  return {
    type: 'postgres',
    url,
    applicationName: service,
    connectTimeoutMS: 3000,
    installExtensions: false,
    uuidExtension: 'pgcrypto',
    logging: false,
    extra: { keepAlive: true, Client: DatabaseClient, ...(!isMigration && timeLimits) },
  } as const;
}
