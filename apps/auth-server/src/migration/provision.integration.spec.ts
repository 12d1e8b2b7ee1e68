import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PoolClient } from 'pg';
import { advisoryLocks } from '../advisory-locks.ts';
import { provisionedDatabase } from '../auth-server.fixture.ts';

const lock = (key: number) => `SELECT pg_advisory_xact_lock(${key})`;
const resources = lock(advisoryLocks.resources);
const revocations = lock(advisoryLocks.revocations);
const auditLog = lock(advisoryLocks.auditChain);
const client = (clientId: string) => `SELECT FROM client WHERE client_id = '${clientId}' FOR UPDATE`;

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let blocker: PoolClient;
beforeAll(async () => {
  database = await provisionedDatabase({ LOG_LEVEL: 'silent' });
  blocker = await database.owner.connect();
});
afterAll(async () => {
  blocker.release();
  await database.owner.end();
});

afterEach(async () => {
  await blocker.query('ROLLBACK');
});

const waiting = `SELECT DISTINCT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
                 WHERE datname = current_database() AND NOT granted`;
/** The step takes the scope away, which revokes tokens. */
const addScope = `UPDATE client SET scope = scope || '{audit:read}' WHERE client_id = 'batch-processor'`;
const disableAdministrator = `UPDATE client SET disabled_at = now() WHERE client_id = 'administrator'`;

describe('the migration step beside a server', () => {
  it.each([
    ['a registry that is applied', disableAdministrator, resources, [client('jobs-cli'), revocations, auditLog]],
    ['an act on a client', addScope, client('jobs-cli'), [revocations, auditLog]],
    [
      'an act on the administrator',
      `${addScope}; ${disableAdministrator}`,
      client('administrator'),
      [revocations, auditLog],
    ],
  ])('waits for %s without a deadlock [locks-in-order, Lanyard]', async (_, prepare, first, others) => {
    await database.owner.query(prepare);
    // The step registers another one.
    rmSync(join(database.settings.SECRETS_DIRECTORY!, 'jobs-cli/client_secret'));
    await blocker.query(`BEGIN; ${first}`);
    const migrated = database.migrateAgain();
    migrated.catch(() => undefined);
    while ((await database.owner.query(waiting)).rowCount === 0) await sleep(10);
    for (const statement of others) await blocker.query(statement);
    await blocker.query('COMMIT');
    expect(await migrated).toContain('client jobs-cli: registered a generated secret');
  });
});
