import { createCipheriv, createDecipheriv, createPrivateKey, randomBytes, type KeyObject } from 'node:crypto';

/**
 * Encrypts a private key for the database: AES-256-GCM over its PKCS #8 form, bound to its `kid`.
 * @param keyEncryptionKey  32 bytes in base64
 * @returns version (1 byte), nonce (12), tag (16), ciphertext
 */
export function encryptPrivateKey(key: KeyObject, kid: string, keyEncryptionKey: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(keyEncryptionKey, 'base64'), nonce).setAAD(Buffer.from(kid));
  const ciphertext = [cipher.update(key.export({ type: 'pkcs8', format: 'der' })), cipher.final()];
  return Buffer.concat([Buffer.of(1), nonce, cipher.getAuthTag(), ...ciphertext]);
}

/** @throws where the key encryption key is another, or the bytes were changed */
export function decryptPrivateKey(encrypted: Buffer, kid: string, keyEncryptionKey: string): KeyObject {
  const nonce = encrypted.subarray(1, 13);
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(keyEncryptionKey, 'base64'), nonce)
    .setAAD(Buffer.from(kid))
    .setAuthTag(encrypted.subarray(13, 29));
  const key = Buffer.concat([decipher.update(encrypted.subarray(29)), decipher.final()]);
  return createPrivateKey({ key, type: 'pkcs8', format: 'der' });
}
