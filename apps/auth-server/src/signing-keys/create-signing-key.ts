import { generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { encrypt } from './encryption.ts';
import type { SigningKeyRow } from './signing-key.entity.ts';

/** Makes a key for ES256, RFC 7518 section 3.4, its private part encrypted in PKCS #8 form. */
export async function createSigningKey(
  keyEncryptionKey: string,
): Promise<Pick<SigningKeyRow, 'kid' | 'publicJwk' | 'encryptedPrivateKey'>> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return {
    kid,
    publicJwk: { ...jwk, kid, alg: 'ES256', use: 'sig' },
    encryptedPrivateKey: encrypt(privateKey.export({ type: 'pkcs8', format: 'der' }), kid, keyEncryptionKey),
  };
}
