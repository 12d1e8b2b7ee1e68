import { createDecipheriv, createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JWK } from 'jose';

/** A signing key of the authorization server. */
export interface SigningKey {
  kid: string;
  privateKey: KeyObject;
  publicJwk: JWK;
}

/**
 * The signing keys of the server, decrypted with its key encryption key.
 * @param query      queries the server's database
 * @param directory  the folder with `key-encryption-key`
 */
export async function openSigningKeys(
  query: (sql: string) => Promise<Record<string, unknown>[]>,
  directory: string,
  condition = 'true',
): Promise<SigningKey[]> {
  const keyEncryptionKey = Buffer.from(readFileSync(join(directory, 'key-encryption-key'), 'utf8'), 'base64');
  const columns = `kid, public_jwk, encode(encrypted_private_key, 'hex') AS encrypted`;
  const rows = await query(`SELECT ${columns} FROM signing_key WHERE ${condition}`);
  return rows.map(({ kid, public_jwk: publicJwk, encrypted }) => ({
    kid: String(kid),
    privateKey: decrypted(Buffer.from(String(encrypted), 'hex'), String(kid), keyEncryptionKey),
    publicJwk: publicJwk as JWK,
  }));
}

/** Selects the active key. */
export const current = 'activated_at IS NOT NULL AND retired_at IS NULL';

function decrypted(encrypted: Buffer, kid: string, keyEncryptionKey: Buffer): KeyObject {
  const decipher = createDecipheriv('aes-256-gcm', keyEncryptionKey, encrypted.subarray(1, 13))
    .setAAD(Buffer.from(kid))
    .setAuthTag(encrypted.subarray(13, 29));
  return createPrivateKey({
    key: Buffer.concat([decipher.update(encrypted.subarray(29)), decipher.final()]),
    type: 'pkcs8',
    format: 'der',
  });
}
