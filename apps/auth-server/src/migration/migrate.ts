import { migrateSchema, readConfiguration } from '@lanyard/service-defaults';
import { migrationConfiguration } from '../configuration.ts';
import { registryEntities } from '../registry/registry.module.ts';
import { SigningKeyRow } from '../signing-keys/signing-key.entity.ts';
import { Registry1700000000001 } from './1-registry.ts';
import { provision, provisionSigningKey } from './provision.ts';
import { readProvisioningFile } from './provisioning-file.ts';

/** Brings schema, registry and signing key up to date; safe to run again, and by many at once. */
export async function migrate(environment: NodeJS.ProcessEnv, say: (line: string) => void): Promise<void> {
  const configuration = readConfiguration(migrationConfiguration, environment);
  const provisioning = readProvisioningFile(configuration.PROVISIONING_FILE, environment);
  await migrateSchema({
    service: 'auth-server',
    url: configuration.MIGRATION_DATABASE_URL,
    migrations: [Registry1700000000001],
    entities: [...registryEntities, SigningKeyRow],
    advisoryLock: 0x1a9a_4d00,
    say,
    andThen: async (manager) => {
      await provision(manager, provisioning, configuration.SECRETS_DIRECTORY, say);
      await provisionSigningKey(manager, configuration.KEY_ENCRYPTION_KEY, say);
      await manager.query(`DELETE FROM registry_change WHERE changed_at < now() - interval '1 day'`);
    },
  });
}
