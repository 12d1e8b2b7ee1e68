import type { RegisteredClient } from '@lanyard/administration';
import type { EntityManager } from 'typeorm';
import type { columnsOf } from '../clients/clients.ts';

/** The planned state of a client. */
export type PlannedClient = ReturnType<typeof columnsOf> & { clientId: string; disabled: boolean };

/** How many clients are compared between two statements: other requests wait meanwhile. */
export const comparedAtOnce = 250;

/** How many clients are written in one statement. */
const writtenAtOnce = 500;

export const slicesOf = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

/** Locks these clients until the transaction ends, in a fixed order to avoid deadlocks. */
export const lockClients = (manager: EntityManager, clientIds: readonly string[]): Promise<unknown> =>
  manager.query('SELECT FROM client WHERE client_id = ANY($1) ORDER BY client_id FOR UPDATE', [clientIds]);

/** The fields of clients that a file can describe, by client identifier; plain rows, since entities would be slow. */
export async function describedClients(manager: EntityManager, clientIds: readonly string[]) {
  type Row = Omit<RegisteredClient, 'client_id_issued_at' | 'updated_at'> & { version: string };
  const rows = await manager.query<Row[]>(
    `SELECT client_id, client_name, grant_types, array_to_string(scope, ' ') AS scope,
       array_to_string(default_scope, ' ') AS default_scope, resource_server_of, access_token_lifetime,
       tokens_per_minute, disabled_at IS NOT NULL AS disabled, xmin::text AS version
     FROM client WHERE client_id = ANY($1)`,
    [clientIds],
  );
  return new Map(rows.map((row) => [row.client_id, row]));
}

/** The version of each registered client, which changes with every change of the client. */
export async function versionsOf(
  manager: EntityManager,
  clientIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const rows = await manager.query<{ client_id: string; version: string }[]>(
    'SELECT client_id, xmin::text AS version FROM client WHERE client_id = ANY($1)',
    [clientIds],
  );
  return new Map(rows.map(({ client_id, version }) => [client_id, version]));
}

/** Creates and changes clients that the caller has locked. One that stays disabled keeps its `disabled_at`. */
export async function saveClients(manager: EntityManager, clients: readonly PlannedClient[]): Promise<void> {
  for (const some of slicesOf(clients, writtenAtOnce)) {
    await manager.query(
      `INSERT INTO client (client_id, client_name, grant_types, scope, default_scope, resource_server_of,
           access_token_lifetime, tokens_per_minute, disabled_at)
         SELECT "clientId", "clientName", "grantTypes", scope, "defaultScope", "resourceServerOf",
           "accessTokenLifetime", "tokensPerMinute", CASE WHEN disabled THEN now() END
         FROM jsonb_to_recordset($1::jsonb) AS planned("clientId" text, "clientName" text, "grantTypes" text[],
           scope text[], "defaultScope" text[], "resourceServerOf" text[], "accessTokenLifetime" int,
           "tokensPerMinute" int, disabled boolean)
       ON CONFLICT (client_id) DO UPDATE SET
         client_name = excluded.client_name, grant_types = excluded.grant_types, scope = excluded.scope,
         default_scope = excluded.default_scope, resource_server_of = excluded.resource_server_of,
         access_token_lifetime = excluded.access_token_lifetime, tokens_per_minute = excluded.tokens_per_minute,
         disabled_at = CASE WHEN excluded.disabled_at IS NOT NULL THEN coalesce(client.disabled_at, now()) END,
         updated_at = now()`,
      [JSON.stringify(some)],
    );
  }
}
