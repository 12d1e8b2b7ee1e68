import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/**
 * Encrypts for the database, AES-256-GCM.
 * @param context           what the ciphertext is bound to: it cannot be moved elsewhere
 * @param keyEncryptionKey  32 bytes in base64
 * @returns version (1 byte), nonce (12), tag (16), ciphertext
 */
export function encrypt(plaintext: Buffer, context: string, keyEncryptionKey: string): Buffer {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(keyEncryptionKey, 'base64'), nonce);
  cipher.setAAD(Buffer.from(context));
  const ciphertext = [cipher.update(plaintext), cipher.final()];
  return Buffer.concat([Buffer.of(1), nonce, cipher.getAuthTag(), ...ciphertext]);
}

/**
 * @param keyEncryptionKeys  each is tried
 * @returns the plaintext, and the index of the key; undefined if no key fits, or the bytes were changed
 */
export function decrypt(
  encrypted: Buffer,
  context: string,
  keyEncryptionKeys: readonly string[],
): { plaintext: Buffer; keyIndex: number } | undefined {
  for (const [keyIndex, key] of keyEncryptionKeys.entries()) {
    try {
      const nonce = encrypted.subarray(1, 13);
      // Without a length, a truncated tag would be compared only as far as it goes.
      const decipher = createDecipheriv('aes-256-gcm', Buffer.from(key, 'base64'), nonce, { authTagLength: 16 })
        .setAAD(Buffer.from(context))
        .setAuthTag(encrypted.subarray(13, 29));
      const plaintext = Buffer.concat([decipher.update(encrypted.subarray(29)), decipher.final()]);
      return { plaintext, keyIndex };
    } catch {
      // It may be another key.
    }
  }
  return undefined;
}
