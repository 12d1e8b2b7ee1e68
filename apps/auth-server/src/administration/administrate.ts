import { problemException } from '@lanyard/service-defaults';
import { type DataSource, type EntityManager } from 'typeorm';
import type { Administrator } from './current-administrator.ts';

/**
 * Runs an act of an administrator in a transaction. Checks what the token and the registry allow before the work, to
 * fail early, and again after it. Acts are recorded one at a time, under a lock that is held until the commit
 * (`appendAuditEvents`). A demotion or a revocation is an act too: if it was recorded before this act, the second check
 * sees it; otherwise it comes after this act. So the administrator's own row needs no lock, which would delay a
 * demotion.
 */
export function administrate<Result>(
  database: DataSource,
  administrator: Administrator,
  work: (manager: EntityManager) => Promise<Result>,
): Promise<Result> {
  return database.transaction(async (manager) => {
    await requireNeeds(manager, administrator);
    const result = await work(manager);
    await requireNeeds(manager, administrator);
    return result;
  });
}

/** @throws a problem, unless both the token and the registry grant the scopes that the act needs */
export async function requireNeeds(manager: EntityManager, administrator: Administrator): Promise<void> {
  const { actor, token, needs } = administrator;
  if (!token) return;
  const missing = [...needs].filter((value) => !token.scopes.has(value));
  if (missing.length > 0) {
    throw problemException(403, 'beyond-own-scope', 'Beyond your own scope', {
      detail: `only a token with the scope ${missing.join(' ')} may do this to a client that has it`,
    });
  }
  // Changes and revocations of this transaction itself do not count.
  const [now] = await manager.query<{ scope: string[]; own: boolean; revoked: boolean }[]>(
    `WITH this AS (SELECT pg_current_xact_id_if_assigned()::xid AS transaction)
     SELECT scope, client.xmin IS NOT DISTINCT FROM this.transaction AS own, EXISTS (
       SELECT FROM revocation r WHERE r.xmin IS DISTINCT FROM this.transaction
         AND (r.kind = 'jti' AND r.id = $2 OR r.kind = 'grant_id' AND r.id = $3 OR r.kind = 'kid' AND r.id = $4)
     ) AS revoked
     FROM this, client WHERE client_id = $1 AND disabled_at IS NULL`,
    [actor, token.claims.jti, token.claims.grant_id ?? null, token.keyId],
  );
  if (now?.revoked) throw noLongerAllowed('the access token was revoked');
  // Administrators may give up their own scope: a change of their own row counts from the next act on.
  if (!now?.own) administrator.held = now?.scope;
  const lost = [...needs].filter((value) => !administrator.held?.includes(value));
  if (lost.length === 0) return;
  throw noLongerAllowed(now ? `${actor} no longer has the scope ${lost.join(' ')}` : `${actor} is disabled or deleted`);
}

const noLongerAllowed = (detail: string) => problemException(403, 'no-longer-allowed', 'No longer allowed', { detail });
