import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Lets secret scanners recognize a leaked secret. */
const prefix = 'lanyard_cs_';

/**
 * 256 random bits with a recognizable prefix, and a checksum that distinguishes a mistyped or truncated secret from a
 * wrong one. Its last four characters, by which people identify it, do not look like a command-line option.
 */
export function generateClientSecret(): string {
  const random = randomBytes(32).toString('base64url');
  const secret = prefix + random + checksum(random);
  return secret.at(-4) === '-' ? generateClientSecret() : secret;
}

/** Whether a text has the form of a secret that this server generated. */
export function isGeneratedSecret(text: string): boolean {
  const random = text.slice(prefix.length, -6);
  return text.startsWith(prefix) && random.length === 43 && text.endsWith(checksum(random));
}

/** Whether a text begins like a generated secret, but is none. */
export function isTruncated(text: string): boolean {
  return text.startsWith(prefix) && !isGeneratedSecret(text);
}

function checksum(text: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(text));
  return bytes.toString('base64url');
}

/**
 * The stored form of a secret. A fast digest is enough: a slow one protects secrets that people choose and others can
 * guess, which 256 random bits are not (docs/decisions/0003).
 */
export function digestSecret(secret: string): Buffer {
  // Through a string, which is three times as fast as a Buffer directly.
  return Buffer.from(hash('sha256', secret, 'binary'), 'binary');
}

/** The index of the secret's digest, or -1; takes the same time whichever it is. */
export function indexOfMatch(secret: string, digests: readonly Uint8Array[]): number {
  const digest = digestSecret(secret);
  return digests.reduce((found, candidate, index) => (timingSafeEqual(digest, candidate) ? index : found), -1);
}

/** Whether a secret is accepted at a time, ms since the epoch. */
export const isLive = ({ expiresAt }: { expiresAt: Date | null }, now = Date.now()): boolean =>
  !expiresAt || expiresAt.getTime() > now;
