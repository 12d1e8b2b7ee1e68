import { dataSourceOptions, readConfiguration } from '@lanyard/service-defaults';
import { DataSource } from 'typeorm';
import { migrationConfiguration } from '../configuration.ts';
import { registryEntities } from '../registry/registry.module.ts';
import { SigningKeyRow } from '../signing-keys/signing-key.entity.ts';
import { Registry1700000000001 } from './1-registry.ts';
import { provision, provisionSigningKey } from './provision.ts';
import { readProvisioningFile } from './provisioning-file.ts';

/** Any number; the same for every replica's migration step, so that they wait for each other. */
const advisoryLock = 0x1a9a_4d00;

/** Brings schema, registry and signing key up to date; safe to run again, and by many at once. */
export async function migrate(environment: NodeJS.ProcessEnv, say: (line: string) => void): Promise<void> {
  const configuration = readConfiguration(migrationConfiguration, environment);
  const provisioning = readProvisioningFile(configuration.PROVISIONING_FILE, environment);
  const database = await new DataSource({
    ...dataSourceOptions('auth-server (migration)', configuration.MIGRATION_DATABASE_URL, { statementTimeout: 0 }),
    entities: [...registryEntities, SigningKeyRow],
    migrations: [Registry1700000000001],
  }).initialize();
  try {
    const runner = database.createQueryRunner();
    await runner.query('SELECT pg_advisory_lock($1)', [advisoryLock]);
    try {
      const applied = await database.runMigrations({ transaction: 'all' });
      for (const { name } of applied) say(`schema: ${name}`);
      await database.transaction(async (manager) => {
        await provision(manager, provisioning, configuration.SECRETS_DIRECTORY, say);
        await provisionSigningKey(manager, configuration.KEY_ENCRYPTION_KEY, say);
        await manager.query(`DELETE FROM registry_change WHERE changed_at < now() - interval '1 day'`);
      });
    } finally {
      await runner.query('SELECT pg_advisory_unlock($1)', [advisoryLock]);
      await runner.release();
    }
  } finally {
    await database.destroy();
  }
}
