import { isAdministrative } from '@lanyard/administration';
import { type EntityManager } from 'typeorm';
import type { AuditRecord, Origin } from '../audit/append-audit-events.ts';
import { revokeGrants } from '../revoked-tokens/revoke.ts';
import { requireNeeds } from './administrate.ts';
import type { Administrator } from './current-administrator.ts';

/**
 * An administrator cannot grant an administrative scope that they do not have, nor add a secret to a client that has
 * it, nor revoke the tokens of that client. Call it once the client is locked.
 * @param scope  the scope that the client has, or is about to get
 */
export async function requireOwnScopes(
  manager: EntityManager,
  administrator: Administrator,
  scope: Iterable<string>,
): Promise<void> {
  for (const value of scope) if (isAdministrative(value)) administrator.needs.add(value);
  await requireNeeds(manager, administrator);
}

/** Revokes the client's tokens if it loses an administrative scope. @returns the audit record, if it does */
export async function revokeForLostScopes(
  manager: EntityManager,
  origin: Origin,
  clientId: string,
  lost: readonly string[],
): Promise<AuditRecord[]> {
  if (lost.length > 0) await revokeGrants(manager, clientId);
  return lostScopeRecords(origin, clientId, lost);
}

/** @returns the audit record, if the client loses a scope */
export const lostScopeRecords = (origin: Origin, clientId: string, lost: readonly string[]): AuditRecord[] =>
  lost.length === 0
    ? []
    : [{ type: 'access_token.revoked', origin, clientId, details: { lost_scope: lost.join(' ') } }];

/** The administrative scopes that a client loses. */
export const lostScopes = (before: readonly string[], after: readonly string[]): string[] =>
  before.filter((value) => isAdministrative(value) && !after.includes(value));
