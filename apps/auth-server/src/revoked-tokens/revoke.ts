import type { AccessToken } from '@lanyard/access-token';
import { type EntityManager } from 'typeorm';
import { advisoryLocks } from '../advisory-locks.ts';
import { longestStaleness } from '../registry/client-registry.ts';
import { ClientSecret } from '../registry/client.entity.ts';
import type { RevocationRow } from './revocation.entity.ts';

/** No access token is valid for longer, seconds. */
const longestLifetime = 3600;

/** Withdrawn keys and their tokens are remembered until then: longer than any validator keeps an old JWK Set. */
const yearFromNow = () => Date.now() / 1000 + 366 * 86_400;

/** How far the clocks of validators may be behind, seconds. */
const clockSkew = 300;

type RevocationToInsert = Pick<RevocationRow, 'kind' | 'id' | 'clientId'> & {
  /** seconds since the epoch */ until: number;
};

/** By then, all tokens have expired that replicas issue before they receive the revocation. */
const untilAllExpired = () => Date.now() / 1000 + longestStaleness + longestLifetime + clockSkew;

/**
 * Revokes access tokens, each by itself.
 * @returns the `jti` of those that were not revoked before
 */
export const revokeTokens = (manager: EntityManager, tokens: readonly AccessToken[]): Promise<string[]> =>
  insert(
    manager,
    tokens.map(({ claims, expiresAt, clientId }) => {
      return { kind: 'jti', id: claims.jti, clientId, until: Math.min(expiresAt + clockSkew, yearFromNow()) };
    }),
  );

/** Revokes an access token of which nothing but its `jti` is known. */
export const revokeJti = (manager: EntityManager, jti: string): Promise<string[]> =>
  insert(manager, [{ kind: 'jti', id: jti, clientId: null, until: untilAllExpired() }]);

/** Revokes all tokens that these keys signed. A key thief chooses when the tokens expire. */
export const revokeKeys = (manager: EntityManager, kids: readonly string[]): Promise<string[]> =>
  insert(
    manager,
    kids.map((kid) => ({ kind: 'kid', id: kid, clientId: null, until: yearFromNow() })),
  );

/**
 * Revokes all tokens of clients, or those obtained with one secret; removed secrets included. The secrets stay valid,
 * and tokens obtained with them from now on belong to another grant. The caller has locked the clients.
 */
export async function revokeGrants(
  manager: EntityManager,
  clientIds: string | readonly string[],
  secretId?: string,
): Promise<void> {
  const ids = [clientIds].flat();
  if (ids.length === 0) return;
  const grants = await manager.query<{ client_id: string; grant_id: string }[]>(
    `SELECT client_id, grant_id FROM client_secret WHERE client_id = ANY($1) AND ($2::uuid IS NULL OR id = $2)
     UNION SELECT client_id, grant_id FROM removed_client_secret
       WHERE client_id = ANY($1) AND ($2::uuid IS NULL OR secret_id = $2) AND grant_id IS NOT NULL
         AND removed_at > now() - make_interval(secs => $3)`,
    [ids, secretId ?? null, longestStaleness + longestLifetime + clockSkew],
  );
  await manager.query(
    `UPDATE client_secret SET grant_id = DEFAULT WHERE client_id = ANY($1) AND ($2::uuid IS NULL OR id = $2)`,
    [ids, secretId ?? null],
  );
  const until = untilAllExpired();
  await insert(
    manager,
    grants.map(({ client_id: clientId, grant_id: id }) => ({ kind: 'grant_id', id, clientId, until })),
  );
}

/** Removes a secret, and revokes the tokens that were obtained with it. The caller has locked the client. */
export async function removeSecret(manager: EntityManager, { id, clientId }: ClientSecret): Promise<void> {
  await revokeGrants(manager, clientId, id);
  await manager.delete(ClientSecret, { id });
}

/**
 * Call it in the transaction of the act that revokes, after everything except the audit events.
 * @returns the identifiers that were not revoked before
 */
async function insert(manager: EntityManager, revocations: readonly RevocationToInsert[]): Promise<string[]> {
  if (revocations.length === 0) return [];
  await manager.query('SELECT pg_advisory_xact_lock($1)', [advisoryLocks.revocations]);
  const inserted = await manager.query<{ id: string }[]>(
    `WITH newest AS MATERIALIZED (
       SELECT greatest(max(sequence), floor(extract(epoch FROM clock_timestamp()) * 1e6)::bigint) AS sequence
       FROM revocation
     )
     INSERT INTO revocation (sequence, kind, id, client_id, ends_at)
       SELECT newest.sequence + number, kind, id, client_id, to_timestamp(ends_at)
       FROM newest, unnest($1::text[], $2::text[], $3::text[], $4::float8[])
         WITH ORDINALITY AS new(kind, id, client_id, ends_at, number)
     ON CONFLICT (kind, id) DO NOTHING
     RETURNING id`,
    [
      revocations.map(({ kind }) => kind),
      revocations.map(({ id }) => id),
      revocations.map(({ clientId }) => clientId),
      revocations.map(({ until }) => Math.ceil(until)),
    ],
  );
  return inserted.map(({ id }) => id);
}
