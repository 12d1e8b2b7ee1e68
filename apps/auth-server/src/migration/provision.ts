import type { EntityManager } from 'typeorm';
import { digestSecret } from '../client-authentication/client-secret.ts';
import { Client, ClientSecret } from '../registry/client.entity.ts';
import { ProtectedResource, Scope } from '../registry/protected-resource.entity.ts';
import { createSigningKey } from '../signing-keys/create-signing-key.ts';
import { SigningKeyRow } from '../signing-keys/signing-key.entity.ts';
import type { Provisioning } from './provisioning-file.ts';
import { readOrGenerateSecret } from './secret-files.ts';

/**
 * Brings the registry to what the file says: creates and changes, and deletes nothing. What is so already is not
 * written, so that a second run changes nothing.
 */
export async function provision(
  manager: EntityManager,
  { resources, clients }: Provisioning,
  secretsDirectory: string,
  say: (line: string) => void,
): Promise<void> {
  for (const { identifier, name, scopes } of resources) {
    await manager.save(ProtectedResource, { identifier, name });
    for (const [value, description] of Object.entries(scopes)) {
      await manager.save(Scope, { value, description, resourceIdentifier: identifier });
    }
  }
  for (const { client_id: clientId, ...client } of clients) {
    await manager.save(Client, {
      clientId,
      clientName: client.client_name,
      grantTypes: client.grant_types,
      scope: client.scope,
      defaultScope: client.default_scope,
      accessTokenLifetime: client.access_token_lifetime ?? null,
    });
    const { secret, generated } = readOrGenerateSecret(secretsDirectory, clientId);
    const digest = digestSecret(secret);
    if (!(await manager.existsBy(ClientSecret, { clientId, digest }))) {
      await manager.insert(ClientSecret, { clientId, digest, hint: secret.slice(-4) });
      say(`client ${clientId}: registered ${generated ? 'a generated secret' : 'the secret in its file'}`);
    }
  }
}

/** The first signing key, where there is none. */
export async function provisionSigningKey(
  manager: EntityManager,
  keyEncryptionKey: string,
  say: (line: string) => void,
): Promise<void> {
  if (await manager.exists(SigningKeyRow)) return;
  const key = await createSigningKey(keyEncryptionKey);
  await manager.insert(SigningKeyRow, key);
  say(`signing key ${key.kid}: created`);
}
