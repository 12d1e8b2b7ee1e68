import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Lets secret scanners recognise a leaked secret. */
const prefix = 'lanyard_cs_';

/**
 * 256 random bits with a recognisable prefix, and a checksum that tells a mistyped or cut secret from a wrong one. Its
 * last four characters, by which people name it, do not look like an option of a command.
 */
export function generateClientSecret(): string {
  const random = randomBytes(32).toString('base64url');
  const secret = prefix + random + checksum(random);
  return secret.at(-4) === '-' ? generateClientSecret() : secret;
}

/** Whether a text is a secret that this server generated, by its form alone. */
export function isGeneratedSecret(text: string): boolean {
  const random = text.slice(prefix.length, -6);
  return text.startsWith(prefix) && random.length === 43 && text.endsWith(checksum(random));
}

/** Whether a text begins like a generated secret, and is none. */
export function isTruncated(text: string): boolean {
  return text.startsWith(prefix) && !isGeneratedSecret(text);
}

function checksum(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return bytes.toString('base64url');
}

/**
 * What is stored of a secret. A fast digest is enough: a slow one protects secrets that people choose and others can
 * guess, which 256 random bits are not (docs/decisions/0003).
 */
export function digestSecret(secret: string): Buffer {
  // By way of a string, which is three times as fast as a Buffer at once.
  return Buffer.from(hash('sha256', secret, 'binary'), 'binary');
}

/** Which of the digests is that of the secret, or -1; takes the same time whichever it is. */
export function indexOfMatch(secret: string, digests: readonly Uint8Array[]): number {
  const digest = digestSecret(secret);
  return digests.reduce((found, candidate, index) => (timingSafeEqual(digest, candidate) ? index : found), -1);
}

/** Whether a secret is accepted at a time, ms since the epoch. */
export const isLive = ({ expiresAt }: { expiresAt: Date | null }, now = Date.now()): boolean =>
  !expiresAt || expiresAt.getTime() > now;
