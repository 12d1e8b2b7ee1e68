import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Management } from '@lanyard/service-defaults';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { decodeJwt } from 'jose';
import {
  administratorOf,
  basic,
  killConnections,
  killListeners,
  postToken,
  provisionedDatabase,
  statementsSent,
} from '../auth-server.fixture.ts';
import { RegistryChanges } from '../replicas/registry-changes.ts';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let replicas: NestFastifyApplication[];
let authorization: string;

beforeAll(async () => {
  database = await provisionedDatabase({
    THROTTLING: 'observe',
    // Changes arrive by notification.
    REGISTRY_RECONCILIATION_PERIOD: '600',
    LOG_LEVEL: 'silent',
  });
  replicas = [await database.startReplica(), await database.startReplica()].map(({ app }) => app);
  authorization = basic('batch-processor', database.secretOf('batch-processor'));
});
afterAll(async () => {
  await Promise.all(replicas.map((app) => app.close()));
  await database.owner.end();
});

const grant = { grant_type: 'client_credentials' };
const statuses = (headers = { authorization }, apps = replicas) =>
  Promise.all(apps.map(async (app) => (await postToken(app, grant, headers)).statusCode));
const setDisabled = (disabled: boolean) =>
  database.owner.query(`UPDATE client SET disabled_at = $1 WHERE client_id = 'batch-processor'`, [
    disabled ? new Date() : null,
  ]);

/** Waits until the replicas answer with these statuses. */
async function until(expected: number[], headers?: { authorization: string }, apps = replicas): Promise<void> {
  while (String(await statuses(headers, apps)) !== String(expected)) await sleep(5);
}
/** Starts another replica, which reconciles twice a second. */
const startReconciling = async () => (await database.startReplica({ REGISTRY_RECONCILIATION_PERIOD: '0.5' })).app;

describe('the registry in memory', () => {
  it('applies a change at every replica', async () => {
    await until([200, 200]);
    await setDisabled(true);
    await until([401, 401]);
    await setDisabled(false);
    await until([200, 200]);
    expect(await statuses()).toEqual([200, 200]);
  });

  it('applies a move of scopes to another resource, for clients that had tokens before', async () => {
    const audiences = () =>
      Promise.all(
        replicas.map(
          async (app) => decodeJwt((await postToken(app, grant, { authorization })).json().access_token).aud,
        ),
      );
    const moveTo = (resource: string) =>
      database.owner.query(`UPDATE scope SET resource = $1 WHERE value IN ('jobs:read', 'jobs:write')`, [resource]);
    await until([200, 200]);
    for (const resource of ['http://localhost:3001', 'http://localhost:3002']) {
      await moveTo(resource);
      while (String(await audiences()) !== `${resource},${resource}`) await sleep(5);
      expect(await audiences()).toEqual([resource, resource]);
    }
  });

  it('applies each of 200 changes through one replica at the other', async () => {
    const [one, other] = replicas as [NestFastifyApplication, NestFastifyApplication];
    const administrator = await administratorOf(one, database);
    const milliseconds: number[] = [];
    await until([200, 200]);
    for (let change = 0; change < 200; change++) {
      const expected = change % 2 === 0 ? 401 : 200;
      await administrator.call('POST', `/admin/clients/batch-processor/${expected === 401 ? 'disable' : 'enable'}`);
      const answered = performance.now();
      // From a separate address each time, so that refusals do not add up.
      const ask = (app: NestFastifyApplication) => postToken(app, grant, { authorization }, `192.0.2.${change}`);
      // At the replica where it was made, it takes effect before the answer.
      expect((await ask(one)).statusCode).toBe(expected);
      while ((await ask(other)).statusCode !== expected) await sleep(1);
      milliseconds.push(performance.now() - answered);
    }
    const [p50, p99] = [99, 197].map((rank) => milliseconds.toSorted((a, b) => a - b)[rank]);
    process.stderr.write(
      `change to effect at the other replica: p50 ${p50?.toFixed(1)} ms, p99 ${p99?.toFixed(1)} ms\n`,
    );
  });

  it('accepts a client that was registered a moment ago', async () => {
    const fresh = { authorization: basic('fresh', 'a-secret-of-its-own') };
    expect(await statuses(fresh)).toEqual([401, 401]);
    await database.owner.query(`
      INSERT INTO client (client_id, client_name, grant_types, scope, default_scope)
        VALUES ('fresh', 'Fresh', '{client_credentials}', '{jobs:read}', '{jobs:read}');
      INSERT INTO client_secret (client_id, digest, hint) VALUES ('fresh', sha256('a-secret-of-its-own'), 'own')`);
    await until([200, 200], fresh);
    await database.owner.query(`DELETE FROM client WHERE client_id = 'fresh'`);
    await until([401, 401], fresh);
  });

  it('applies changes that happened while the notifying connections were cut', async () => {
    await until([200, 200]);
    await killListeners(database);
    await setDisabled(true);
    await until([401, 401]);
    await setDisabled(false);
    await until([200, 200]);
    expect(await statuses()).toEqual([200, 200]);
  });

  it('detects that a pooler withholds notifications, and reads the changes by itself', async () => {
    // LISTEN succeeds, but nothing arrives: notifications stay within a database.
    const elsewhere = new URL(database.settings.DATABASE_URL!);
    elsewhere.pathname = 'postgres';
    const { app, logs } = await database.startReplica({ LISTEN_DATABASE_URL: elsewhere.href, LOG_LEVEL: 'warn' });
    const readiness = async () =>
      (await app.get(Management).inject('/health/ready')).json().details['registry changes'].status;
    while (!logs.join('').includes('notifications do not arrive')) await sleep(20);
    expect(await readiness()).toBe('degraded');
    await setDisabled(true);
    await until([401], { authorization }, [app]);
    await setDisabled(false);
    await until([200], { authorization }, [app]);
    expect(logs.join('').match(/notifications do not arrive/g)).toHaveLength(1);
    await app.close();
    await until([200, 200]);
  });

  it('applies a change whose notification was lost, by the next reconciliation', async () => {
    const reconciling = await startReconciling();
    await until([200], { authorization }, [reconciling]);
    await database.owner.query('ALTER TABLE client DISABLE TRIGGER client_changed');
    await setDisabled(true);
    await database.owner.query(`INSERT INTO registry_change (subject) VALUES ('client:batch-processor')`);
    await until([401], { authorization }, [reconciling]);
    await database.owner.query('ALTER TABLE client ENABLE TRIGGER client_changed');
    await setDisabled(false);
    await until([200], { authorization }, [reconciling]);
    expect(await statuses({ authorization }, [reconciling])).toEqual([200]);
    await reconciling.close();
  });

  it('applies a transaction that commits after a later one', async () => {
    const reports = { authorization: basic('report-generator', database.secretOf('report-generator')) };
    const reconciling = await startReconciling();
    await until([200], reports, [reconciling]);
    const slow = await database.owner.connect();
    await slow.query('BEGIN');
    await slow.query('ALTER TABLE client DISABLE TRIGGER client_changed');
    await slow.query(`INSERT INTO registry_change (subject) VALUES ('client:report-generator')`);
    await slow.query(`UPDATE client SET disabled_at = now() WHERE client_id = 'report-generator'`);
    await slow.query('ALTER TABLE client ENABLE TRIGGER client_changed');
    await database.owner.query(`INSERT INTO registry_change (subject) VALUES ('client:nobody')`);
    await reconciling.get(RegistryChanges).reconcile();
    await slow.query('COMMIT');
    slow.release();
    await until([401], reports, [reconciling]);
    expect(await statuses(reports, [reconciling])).toEqual([401]);
    await reconciling.close();
  });

  it('needs no statement for warm and unknown clients, apart from periodic batches', async () => {
    const quiet = await provisionedDatabase({
      THROTTLING: 'observe',
      REGISTRY_RECONCILIATION_PERIOD: '600',
      LOG_LEVEL: 'silent',
    });
    const { app } = await quiet.startReplica();
    const known = { authorization: basic('batch-processor', quiet.secretOf('batch-processor')) };
    expect((await postToken(app, grant, known)).statusCode).toBe(200);
    const before = statementsSent(quiet);
    const begun = performance.now();
    for (let i = 0; i < 1000; i++) {
      await postToken(app, grant, known);
      await postToken(app, grant, { authorization: basic(`unknown-${i}`, 'x') }, `10.0.${i >> 8}.${i & 255}`);
    }
    expect(before).toBeGreaterThan(0);
    // Uses of secrets and refusals are written in batches of some statements: by time, not by request.
    const seconds = (performance.now() - begun) / 1000;
    expect(statementsSent(quiet) - before).toBeLessThan(5 + 10 * seconds);
    await app.close();
    await quiet.owner.end();
  });

  it('keeps issuing tokens to known clients without the database, and answers 503 to others', async () => {
    const away = await provisionedDatabase({ LOG_LEVEL: 'silent' });
    const { app } = await away.startReplica();
    const known = { authorization: basic('batch-processor', away.secretOf('batch-processor')) };
    const cold = { authorization: basic('jobs-cli', away.secretOf('jobs-cli')) };
    expect((await postToken(app, grant, known)).statusCode).toBe(200);
    await killConnections(away);
    expect((await postToken(app, grant, known)).statusCode).toBe(200);
    const refused = await postToken(app, grant, cold);
    expect([refused.statusCode, refused.json().error, refused.headers['retry-after']]).toEqual([
      503,
      'temporarily_unavailable',
      '1',
    ]);
    const ready = await app.get(Management).inject('/health/ready');
    expect([ready.statusCode, ready.json().details.database.status]).toEqual([200, 'degraded']);
    await app.close();
    await away.owner.end();
  });
});
