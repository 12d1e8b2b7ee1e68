import { administrativeScopes, type RegistryDescription } from '@lanyard/administration';
import { type EntityManager } from 'typeorm';
import { theServer } from '../administration/current-administrator.ts';
import { applyRegistry } from '../administration/registry/apply-registry.ts';
import { lockClients } from '../administration/registry/planned-clients.ts';
import { lockResources } from '../administration/resources-lock.ts';
import type { AuditRecord } from '../audit/append-audit-events.ts';
import { digestSecret, generateClientSecret, isLive } from '../registry/client-secret.ts';
import { Client, ClientSecret } from '../registry/client.entity.ts';
import { createSigningKey } from '../signing-keys/create-signing-key.ts';
import { removeSecret } from '../revoked-tokens/revoke.ts';
import { SigningKeyRow } from '../signing-keys/signing-key.entity.ts';
import { readOrGenerateSecret, writeSecret } from './secret-files.ts';

const allScopes = Object.keys(administrativeScopes);
const migration = theServer('migration');

/** The client that the first administrator acts as. */
const administrator = 'administrator';

/** How long the one-time credential of the first administrator is valid, ms. */
const oneTimeCredentialLifetime = 24 * 3_600_000;

/**
 * Makes the registry match the file: creates and changes, but deletes nothing. Unchanged rows are not written, so that
 * a second run changes nothing. Locks everything that this transaction may change, in the order in which the server
 * locks: resources, clients, revocations, and finally the audit log.
 * @returns the records that the caller appends to the audit log at the end of the transaction
 */
export async function provision(
  manager: EntityManager,
  registry: RegistryDescription,
  secretsDirectory: string,
  say: (line: string) => void,
): Promise<AuditRecord[]> {
  // Before anything is locked, since a service that runs meanwhile waits for the locks.
  const secrets = registry.clients.map(({ client_id: clientId }) => {
    const { secret, generated } = readOrGenerateSecret(secretsDirectory, clientId);
    return {
      clientId,
      digest: digestSecret(secret),
      hint: secret.slice(-4),
      generated,
      needsEncoding: /[+%]/.test(secret),
    };
  });
  const clientIds = secrets.map(({ clientId }) => clientId);
  await lockResources(manager);
  await lockClients(manager, [...clientIds, administrator]);
  const { changes, records } = await applyRegistry(manager, migration, registry, { prune: false });
  for (const { action, kind, id } of changes) say(`${kind} ${id}: ${action === 'create' ? 'created' : 'changed'}`);
  const [registered, removed] = [await digestsIn('client_secret'), await digestsIn('removed_client_secret')];
  const added = [];
  for (const secret of secrets) {
    const { clientId, generated, needsEncoding } = secret;
    if (registered.has(keyOf(secret))) continue;
    if (removed.has(keyOf(secret))) {
      say(`client ${clientId}: the secret in its file was removed from the registry, and is not restored`);
      continue;
    }
    added.push(secret);
    say(`client ${clientId}: registered ${generated ? 'a generated secret' : 'the secret in its file'}`);
    if (needsEncoding) {
      say(
        `client ${clientId}: its secret has "+" or "%", which clients must form-encode in Basic, RFC 6749 section 2.3.1, ` +
          'and some do not: if it is refused, use client_secret_post or another secret',
      );
    }
  }
  return [...records, ...(await addSecrets(manager, added))];

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
 * Lets the first administrator in: if no enabled client that may write clients has a secret, the client "administrator"
 * gets one for a single token request within a day, in `administrator/one_time_secret`. Call it after `provision`,
 * which locks the client.
 */
export async function provisionAdministrator(
  manager: EntityManager,
  secretsDirectory: string,
  say: (line: string) => void,
): Promise<AuditRecord[]> {
  const administrators = await manager
    .createQueryBuilder(Client, 'client')
    .leftJoinAndSelect('client.secrets', 'secret')
    .where(`'clients:write' = ANY(client.scope) AND client.disabledAt IS NULL`)
    .getMany();
  if (administrators.some(({ secrets }) => secrets.some((secret) => isLive(secret)))) return [];
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
  const { records } = await applyRegistry(manager, migration, registry, { prune: false });
  const removed = await removeSecretsOf(manager, administrator);
  const secret = generateClientSecret();
  const file = writeSecret(secretsDirectory, administrator, 'one_time_secret', secret);
  const expiresAt = new Date(Date.now() + oneTimeCredentialLifetime);
  const digest = digestSecret(secret);
  const oneTimeSecret = { clientId: administrator, digest, hint: secret.slice(-4), expiresAt, oneTime: true };
  const added = await addSecrets(manager, [oneTimeSecret]);
  say(`client ${administrator}: a one-time secret is in ${file}, valid until ${expiresAt.toISOString()}`);
  return [...records, ...removed, ...added];
}

/**
 * Removes the live secrets of a client that could not administer so far, or was disabled: another party may have
 * registered it under this name, or a secret may have leaked.
 */
async function removeSecretsOf(manager: EntityManager, clientId: string): Promise<AuditRecord[]> {
  const secrets = (await manager.findBy(ClientSecret, { clientId })).filter((secret) => isLive(secret));
  for (const secret of secrets) await removeSecret(manager, secret);
  return secrets.map(({ id, hint }) => ({
    type: 'secret.removed',
    origin: migration,
    clientId,
    details: { secret_id: id, hint },
  }));
}

type AddedSecret = Pick<ClientSecret, 'clientId' | 'digest' | 'hint'> &
  Partial<Pick<ClientSecret, 'expiresAt' | 'oneTime'>>;

async function addSecrets(manager: EntityManager, secrets: readonly AddedSecret[]): Promise<AuditRecord[]> {
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
  return rows.map(({ id, clientId, hint, expiresAt, oneTime }) => ({
    type: 'secret.added',
    origin: migration,
    clientId,
    details: { secret_id: id, hint, expires_at: expiresAt?.toISOString() ?? null, one_time: oneTime },
  }));
}

/** Creates the first signing key, if there is none. */
export async function provisionSigningKey(
  manager: EntityManager,
  keyEncryptionKey: string,
  say: (line: string) => void,
): Promise<AuditRecord[]> {
  if (await manager.exists(SigningKeyRow)) return [];
  const key = await createSigningKey(keyEncryptionKey);
  await manager.insert(SigningKeyRow, { ...key, activatedAt: new Date() });
  say(`signing key ${key.kid}: created`);
  return [{ type: 'signing_key.activated', origin: migration, details: { kid: key.kid } }];
}
