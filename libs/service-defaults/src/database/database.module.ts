import { Inject, Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type EntityTarget, type ObjectLiteral } from 'typeorm';
import type { DatabaseConfiguration } from '../configuration/common-configuration.ts';
import { Readiness } from '../health/health.module.ts';

@Module({})
class DatabaseReadinessModule implements OnModuleInit {
  constructor(
    @Inject(DataSource) private readonly database: DataSource,
    @Inject(Readiness) private readonly readiness: Readiness,
  ) {}

  onModuleInit(): void {
    this.readiness.require('database', async () => {
      await this.database.query('SELECT 1');
    });
  }
}

/** A pool of connections through TypeORM. It alters no schema: that is the migration step's work. */
export function databaseModule(
  service: string,
  configuration: DatabaseConfiguration,
  entities: EntityTarget<ObjectLiteral>[],
): DynamicModule {
  return {
    module: DatabaseReadinessModule,
    imports: [
      TypeOrmModule.forRoot({
        ...dataSourceOptions(service, configuration.DATABASE_URL),
        entities: entities as never,
        poolSize: configuration.DATABASE_POOL_SIZE,
        retryAttempts: 5,
        retryDelay: 1000,
      }),
    ],
  };
}

/** The same connection settings for the service and for its migrations. */
export function dataSourceOptions(service: string, url: string) {
  return {
    type: 'postgres',
    url,
    applicationName: service,
    connectTimeoutMS: 3000,
    installExtensions: false,
    uuidExtension: 'pgcrypto',
    logging: false,
    extra: { statement_timeout: 10_000, keepAlive: true },
  } as const;
}
