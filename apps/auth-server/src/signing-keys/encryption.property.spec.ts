import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decrypt, encrypt } from './encryption.ts';

const keys = Array.from({ length: 3 }, () => randomBytes(32).toString('base64'));
const bytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
const context = fc.string({ unit: 'binary' });

describe('a value that is encrypted for the database', () => {
  it('is decrypted only with its key, whichever it is, and its context [key-encryption, Lanyard]', () => {
    fc.assert(
      fc.property(bytes, context, context, fc.nat(2), (plaintext, context, other, keyIndex) => {
        const key = keys.at(keyIndex)!;
        const encrypted = encrypt(plaintext, context, key);
        expect(decrypt(encrypted, context, keys)).toEqual({ plaintext, keyIndex });
        expect(decrypt(encrypted, context, keys.toSpliced(keyIndex, 1))).toBeUndefined();
        expect(decrypt(encrypted, other, keys)).toEqual(other === context ? { plaintext, keyIndex } : undefined);
      }),
    );
  });

  it('is not decrypted if a bit of it has changed [key-encryption, Lanyard]', () => {
    fc.assert(
      fc.property(bytes, fc.nat(), fc.nat(7), (plaintext, place, bit) => {
        const encrypted = encrypt(plaintext, 'context', keys.at(0)!);
        // The first byte is the version of the format, and there is only one.
        const index = 1 + (place % (encrypted.length - 1));
        encrypted.writeUInt8(encrypted.readUInt8(index) ^ (1 << bit), index);
        expect(decrypt(encrypted, 'context', keys)).toBeUndefined();
      }),
    );
  });

  it('is not decrypted from other bytes, nor from a part [key-encryption, Lanyard]', () => {
    fc.assert(
      fc.property(bytes, bytes, fc.nat(), (other, plaintext, length) => {
        const encrypted = encrypt(plaintext, 'context', keys.at(0)!);
        expect(decrypt(other, 'context', keys)).toBeUndefined();
        expect(decrypt(encrypted.subarray(0, length % encrypted.length), 'context', keys)).toBeUndefined();
      }),
    );
  });
});
