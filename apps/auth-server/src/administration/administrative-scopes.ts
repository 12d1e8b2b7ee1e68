import { isAdministrative } from '@lanyard/administration';
import { problemException } from '@lanyard/service-defaults';
import type { Administrator } from './origin.ts';

/**
 * Nobody gives away, or takes over by a new secret, an administrative scope that they do not have themselves.
 * @param scope  what the client has, or is to have
 */
export function requireOwnScopes({ scopes }: Administrator, scope: Iterable<string>): void {
  const missing = [...scope].filter((value) => isAdministrative(value) && !scopes.has(value));
  if (missing.length === 0) return;
  throw problemException(403, 'beyond-own-scope', 'Beyond your own scope', {
    detail: `only a token with the scope ${missing.join(' ')} may do this to a client that has it`,
  });
}
