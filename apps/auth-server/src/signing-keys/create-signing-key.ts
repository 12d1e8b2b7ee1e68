import { generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { encryptPrivateKey } from './key-encryption.ts';
import type { SigningKeyRow } from './signing-key.entity.ts';

/** Makes a key for ES256, RFC 7518 section 3.4. */
export async function createSigningKey(keyEncryptionKey: string): Promise<Omit<SigningKeyRow, 'createdAt'>> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return {
    kid,
    publicJwk: { ...jwk, kid, alg: 'ES256', use: 'sig' },
    encryptedPrivateKey: encryptPrivateKey(privateKey, kid, keyEncryptionKey),
  };
}
