import { chmodSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { folderOfClient, leastSecretLength, writePrivateFile } from '@lanyard/administration';
import { decodeText } from '@lanyard/oauth-protocol';
import { StartupError } from '@lanyard/service-defaults';
import { generateClientSecret, isTruncated } from '../registry/client-secret.ts';

/** Removes the access of others, if possible: a mounted secret may be read-only. */
function makePrivate(file: string): void {
  if ((statSync(file).mode & 0o077) === 0) return;
  try {
    chmodSync(file, 0o600);
  } catch (error) {
    if (!['EROFS', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

/**
 * Reads the client's secret from `<directory>/<client_id>/client_secret`. If there is none, generates one and writes it
 * there, readable only by its owner, before it is registered: nothing is lost if the process ends in between.
 */
export function readOrGenerateSecret(directory: string, clientId: string): { secret: string; generated: boolean } {
  const folder = join(directory, folderOfClient(clientId));
  const file = join(folder, 'client_secret');
  const bytes = readIfThere(file);
  if (bytes) {
    const secret = secretIn(bytes, file);
    makePrivate(file);
    return { secret, generated: false };
  }
  const secret = generateClientSecret();
  writeSecret(directory, clientId, 'client_secret', secret);
  return { secret, generated: true };
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new StartupError(`${file} cannot be read (${code})`);
  }
}

/** Refuses a secret that no client could send, or that looks like a mistake. */
function secretIn(bytes: Buffer, file: string): string {
  let secret;
  try {
    secret = decodeText(bytes).trim();
  } catch (error) {
    throw new StartupError(`${file} ${(error as Error).message}`);
  }
  // RFC 6749 appendix A.2.
  if (!/^[\x20-\x7E]*$/.test(secret))
    throw new StartupError(`${file}: a client secret must have only visible ASCII characters`);
  if (secret.length < leastSecretLength) {
    throw new StartupError(`${file}: a client secret must have ${leastSecretLength} characters or more`);
  }
  if (isTruncated(secret)) throw new StartupError(`${file}: the client secret is truncated or mistyped`);
  return secret;
}

/** Writes `<directory>/<client_id>/<name>`, readable only by its owner, whole or not at all. @returns its path */
export function writeSecret(directory: string, clientId: string, name: string, secret: string): string {
  const file = join(directory, folderOfClient(clientId), name);
  try {
    writePrivateFile(file, secret);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StartupError(`SECRETS_DIRECTORY cannot be written (${code}): ${dirname(file)}`);
  }
  return file;
}
