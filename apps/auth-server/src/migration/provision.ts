import { administrativeScopes, type RegistryDescription } from '@lanyard/administration';
import { type EntityManager } from 'typeorm';
import { theServer } from '../administration/origin.ts';
import { applyRegistry } from '../administration/registry/apply-registry.ts';
import { appendAuditEvents } from '../audit/append-audit-events.ts';
import { digestSecret, generateClientSecret, isLive } from '../client-authentication/client-secret.ts';
import { Client, ClientSecret } from '../registry/client.entity.ts';
import { createSigningKey } from '../signing-keys/create-signing-key.ts';
import { removeSecret } from '../revocation/revoke.ts';
import { SigningKeyRow } from '../signing-keys/signing-key.entity.ts';
import { readOrGenerateSecret, writeSecret } from './secret-files.ts';

const allScopes = Object.keys(administrativeScopes);
const migration = theServer('migration');

/** The client that the first administrator acts as. */
const administrator = 'administrator';

/** How long the one-time credential of the first administrator is valid, ms. */
const oneTimeCredentialLifetime = 24 * 3_600_000;

/**
 * Brings the registry to what the file says: creates and changes, and deletes nothing. What is so already is not
 * written, so that a second run changes nothing.
 */
export async function provision(
  manager: EntityManager,
  registry: RegistryDescription,
  secretsDirectory: string,
  say: (line: string) => void,
): Promise<void> {
  // Before anything is locked: the service that runs meanwhile waits for it.
  const secrets = registry.clients.map(({ client_id: clientId }) => {
    const { secret, generated } = readOrGenerateSecret(secretsDirectory, clientId);
    return { clientId, digest: digestSecret(secret), hint: secret.slice(-4), generated };
  });
  const { changes } = await applyRegistry(manager, migration, registry, { prune: false });
  for (const { action, kind, id } of changes) say(`${kind} ${id}: ${action === 'create' ? 'created' : 'changed'}`);
  const clientIds = secrets.map(({ clientId }) => clientId);
  const [registered, removed] = [await digestsIn('client_secret'), await digestsIn('removed_client_secret')];
  const added = [];
  for (const secret of secrets) {
    const { clientId, generated } = secret;
    if (registered.has(keyOf(secret))) continue;
    if (removed.has(keyOf(secret))) {
      say(`client ${clientId}: the secret in its file was removed from the registry, and is not brought back`);
      continue;
    }
    added.push(secret);
    say(`client ${clientId}: registered ${generated ? 'a generated secret' : 'the secret in its file'}`);
  }
  await addSecrets(manager, added);

  async function digestsIn(table: 'client_secret' | 'removed_client_secret'): Promise<ReadonlySet<string>> {
    const rows = await manager.query<{ clientId: string; digest: Buffer }[]>(
      `SELECT client_id AS "clientId", digest FROM ${table} WHERE client_id = ANY($1)`,
      [clientIds],
    );
    return new Set(rows.map(keyOf));
  }
}

const keyOf = ({ clientId, digest }: { clientId: string; digest: Buffer }) => `${clientId} ${digest.toString('hex')}`;

/**
 * How the first administrator gets in: where no enabled client that may write clients has a secret, the client
 * "administrator" gets one that is good for one token request within a day, in `administrator/one_time_secret`.
 */
export async function provisionAdministrator(
  manager: EntityManager,
  secretsDirectory: string,
  say: (line: string) => void,
): Promise<void> {
  const administrators = await manager
    .createQueryBuilder(Client, 'client')
    .leftJoinAndSelect('client.secrets', 'secret')
    .where(`'clients:write' = ANY(client.scope) AND client.disabledAt IS NULL`)
    .getMany();
  if (administrators.some(({ secrets }) => secrets.some((secret) => isLive(secret)))) return;
  const registry: RegistryDescription = {
    resources: [],
    clients: [
      {
        client_id: administrator,
        client_name: 'Administrator',
        grant_types: ['client_credentials'],
        scope: allScopes.join(' '),
        default_scope: allScopes.join(' '),
        resource_server_of: [],
        access_token_lifetime: null,
        tokens_per_minute: null,
        disabled: false,
      },
    ],
  };
  await applyRegistry(manager, migration, registry, { prune: false });
  await removeSecretsOf(manager, administrator);
  const secret = generateClientSecret();
  const file = writeSecret(secretsDirectory, administrator, 'one_time_secret', secret);
  const expiresAt = new Date(Date.now() + oneTimeCredentialLifetime);
  const digest = digestSecret(secret);
  await addSecrets(manager, [{ clientId: administrator, digest, hint: secret.slice(-4), expiresAt, oneTime: true }]);
  say(`client ${administrator}: a one-time secret is in ${file}, until ${expiresAt.toISOString()}`);
}

/**
 * What the client had before it came to administer, or while it was disabled, lets nobody in: others may have registered it
 * under this name, and its secret may have leaked.
 */
async function removeSecretsOf(manager: EntityManager, clientId: string): Promise<void> {
  const secrets = (await manager.findBy(ClientSecret, { clientId })).filter((secret) => isLive(secret));
  for (const secret of secrets) await removeSecret(manager, secret);
  await appendAuditEvents(
    manager,
    secrets.map(({ id, hint }) => ({
      type: 'secret.removed',
      origin: migration,
      clientId,
      details: { secret_id: id, hint },
    })),
  );
}

type AddedSecret = Pick<ClientSecret, 'clientId' | 'digest' | 'hint'> &
  Partial<Pick<ClientSecret, 'expiresAt' | 'oneTime'>>;

async function addSecrets(manager: EntityManager, secrets: readonly AddedSecret[]): Promise<void> {
  const rows = await manager.query<Pick<ClientSecret, 'id' | 'clientId' | 'hint' | 'expiresAt' | 'oneTime'>[]>(
    `INSERT INTO client_secret (client_id, digest, hint, expires_at, one_time)
       SELECT * FROM unnest($1::text[], $2::bytea[], $3::text[], $4::timestamptz[], $5::boolean[])
     RETURNING id, client_id AS "clientId", hint, expires_at AS "expiresAt", one_time AS "oneTime"`,
    [
      secrets.map(({ clientId }) => clientId),
      secrets.map(({ digest }) => digest),
      secrets.map(({ hint }) => hint),
      secrets.map(({ expiresAt }) => expiresAt ?? null),
      secrets.map(({ oneTime }) => oneTime ?? false),
    ],
  );
  await appendAuditEvents(
    manager,
    rows.map(({ id, clientId, hint, expiresAt, oneTime }) => ({
      type: 'secret.added',
      origin: migration,
      clientId,
      details: { secret_id: id, hint, expires_at: expiresAt?.toISOString() ?? null, one_time: oneTime },
    })),
  );
}

/** The first signing key, where there is none. */
export async function provisionSigningKey(
  manager: EntityManager,
  keyEncryptionKey: string,
  say: (line: string) => void,
): Promise<void> {
  if (await manager.exists(SigningKeyRow)) return;
  const key = await createSigningKey(keyEncryptionKey);
  await manager.insert(SigningKeyRow, { ...key, activatedAt: new Date() });
  const details = { kid: key.kid };
  await appendAuditEvents(manager, [{ type: 'signing_key.activated', origin: migration, details }]);
  say(`signing key ${key.kid}: created`);
}
