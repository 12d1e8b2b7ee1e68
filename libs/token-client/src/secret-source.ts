import { readFile } from 'node:fs/promises';

/** A client secret, or what tells the one that is valid now. */
export type SecretSource = string | (() => string | Promise<string>);

/** Reads the file for each token request, so that a rotated secret is in use without a restart. */
export function secretFromFile(path: string): () => Promise<string> {
  return async () => (await readFile(path, 'utf8')).trim();
}

export async function readSecret(source: SecretSource): Promise<string> {
  return typeof source === 'string' ? source : source();
}
