import { readFile } from 'node:fs/promises';
import { decodeText } from '@lanyard/oauth-protocol';
import { TokenRequestError } from './token-request-error.ts';

/** A client secret, or a function that returns the current one. */
export type SecretSource = string | (() => string | Promise<string>);

/**
 * Reads the file for each token request, so that a rotated secret is in use without a restart.
 * @param path  of a file in UTF-8, or in UTF-16 with a byte order mark; white space around the secret does not count
 */
export function secretFromFile(path: string): () => Promise<string> {
  return async () => {
    const bytes = await readFile(path).catch((cause: Error) => unavailable(cause.message));
    try {
      return decodeText(bytes).trim();
    } catch (cause) {
      return unavailable(`${path} ${(cause as Error).message}`);
    }
  };
}

function unavailable(reason: string): never {
  throw new TokenRequestError('secret_unavailable', `the client secret cannot be read: ${reason}`);
}

/**
 * A file that is being replaced may be missing or empty for a moment.
 * @throws {TokenRequestError} `secret_unavailable`
 */
export async function readSecret(source: SecretSource): Promise<string> {
  const secret = typeof source === 'string' ? source : await call(source);
  if (!secret) throw new TokenRequestError('secret_unavailable', 'the client secret is empty');
  return secret;
}

async function call(source: () => string | Promise<string>): Promise<string> {
  try {
    return await source();
  } catch (cause) {
    if (cause instanceof TokenRequestError) throw cause;
    throw new TokenRequestError('secret_unavailable', 'the client secret cannot be read', { cause });
  }
}
