import { migrateSchema, readConfiguration } from '@lanyard/service-defaults';
import { advisoryLocks } from '../advisory-locks.ts';
import { appendAuditEvents } from '../audit/append-audit-events.ts';
import { migrationConfiguration } from '../configuration.ts';
import { entities } from '../entities.ts';
import { writeDeployment } from './deployment-file.ts';
import { Registry1700000000001 } from './1-registry.ts';
import { Administration1700000000002 } from './2-administration.ts';
import { Revocation1700000000003 } from './3-revocation.ts';
import { Quotas1700000000004 } from './4-quotas.ts';
import { Interoperation1700000000005 } from './5-interoperation.ts';
import { provision, provisionAdministrator, provisionSigningKey } from './provision.ts';
import { readProvisioningFile, registryFaultsOf } from './provisioning-file.ts';

/** Brings schema, registry and signing key up to date; safe to run again, and concurrently. */
export async function migrate(environment: NodeJS.ProcessEnv, say: (line: string) => void): Promise<void> {
  const configuration = readConfiguration(migrationConfiguration, environment);
  const provisioning = readProvisioningFile(configuration.PROVISIONING_FILE, environment, configuration.ISSUER);
  const rethrowWithLines = (error: unknown): never => {
    throw registryFaultsOf(error, configuration.PROVISIONING_FILE, environment) ?? error;
  };
  await migrateSchema({
    service: 'auth-server',
    url: configuration.MIGRATION_DATABASE_URL,
    migrations: [
      Registry1700000000001,
      Administration1700000000002,
      Revocation1700000000003,
      Quotas1700000000004,
      Interoperation1700000000005,
    ],
    entities,
    advisoryLock: advisoryLocks.migration,
    say,
    andThen: async (manager) => {
      await appendAuditEvents(manager, [
        ...(await provision(manager, provisioning, configuration.SECRETS_DIRECTORY, say).catch(rethrowWithLines)),
        ...(await provisionAdministrator(manager, configuration.SECRETS_DIRECTORY, say)),
        ...(await provisionSigningKey(manager, configuration.KEY_ENCRYPTION_KEY[0]!, say)),
      ]);
    },
  });
  const { ISSUER } = configuration;
  writeDeployment(configuration.SECRETS_DIRECTORY, { ...environment, ISSUER }, say);
}
