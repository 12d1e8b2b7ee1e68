import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Management } from '@lanyard/service-defaults';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { decodeProtectedHeader, type JSONWebKeySet } from 'jose';
import { administratorOf, basic, postToken, provisionedDatabase } from '../auth-server.fixture.ts';
import { RegistryChanges } from '../replicas/registry-changes.ts';
import { KeyRotation } from './key-rotation.ts';
import { SigningKeys } from './signing-keys.ts';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let running: NestFastifyApplication[] = [];

const start = async (count: number, environment: NodeJS.ProcessEnv = {}) => {
  Object.assign(database.settings, environment);
  running = (await Promise.all(Array.from({ length: count }, () => database.startReplica()))).map(({ app }) => app);
  // As many as were requested.
  return running as [NestFastifyApplication, NestFastifyApplication, NestFastifyApplication];
};
beforeAll(async () => {
  database = await provisionedDatabase({ LOG_LEVEL: 'silent' });
});
afterEach(async () => {
  await Promise.all(running.map((app) => app.close()));
  running = [];
});
afterAll(() => database.owner.end());

const rows = async (sql: string) => (await database.owner.query(sql)).rows;
const events = async () =>
  (await rows(`SELECT type, count(*)::int FROM audit_event WHERE type LIKE 'signing_key%' GROUP BY 1 ORDER BY 1`)).map(
    ({ type, count }) => `${type} ${count}`,
  );
async function kidOf(app: NestFastifyApplication): Promise<string> {
  const authorization = basic('batch-processor', database.secretOf('batch-processor'));
  const response = await postToken(app, { grant_type: 'client_credentials' }, { authorization });
  return decodeProtectedHeader(response.json().access_token).kid ?? '';
}
const kidsAt = async (app: NestFastifyApplication) =>
  (await app.inject('/.well-known/jwks.json')).json<JSONWebKeySet>().keys.map(({ kid }) => kid);
const until = async (condition: () => Promise<boolean>) => {
  for (let i = 0; i < 1000; i++) {
    if (await condition()) return;
    await sleep(25);
  }
  throw new Error('the condition was never met');
};

/** Does now what a replica does each second. */
async function rotateNow(app: NestFastifyApplication): Promise<void> {
  await app.get(RegistryChanges).catchUp();
  await app.get(KeyRotation).rotateWhereDue();
}

describe('signing keys', () => {
  it('rotate automatically, with one signing at any time, each published by every replica before its first use', async () => {
    const before = await rows('SELECT kid FROM signing_key');
    const apps = await start(3, { SIGNING_KEY_PERIOD: '3', SIGNING_KEY_ANNOUNCEMENT: '2' });
    const used = new Set<string>();
    const published = apps.map(() => new Set<string>());
    const signing = new Set<number>();
    await until(async () => {
      for (const [index, app] of apps.entries()) {
        const kid = await kidOf(app);
        // Every replica publishes it before any replica uses it.
        if (!used.has(kid) && used.size > 0) expect(published.map((kids) => kids.has(kid))).toEqual([true, true, true]);
        used.add(kid);
        for (const known of await kidsAt(app)) published.at(index)?.add(String(known));
      }
      const sql = 'SELECT count(*)::int FROM signing_key WHERE activated_at IS NOT NULL AND retired_at IS NULL';
      signing.add((await rows(sql))[0].count);
      return used.size === 4;
    });
    expect([...signing]).toEqual([1]);
    expect([...used]).toContain(before[0].kid);
    // One of the replicas did each step.
    const steps = `SELECT type, details->>'kid' AS kid FROM audit_event WHERE type LIKE 'signing_key%'`;
    expect(await rows(`${steps} GROUP BY 1, 2 HAVING count(*) > 1`)).toEqual([]);
    expect((await rows(`${steps} AND type = 'signing_key.retired'`)).length).toBeGreaterThanOrEqual(3);
    for (const app of apps) for (const kid of used) expect(await kidsAt(app)).toContain(kid);
  });

  it('are deleted when the last token that they signed has expired, and not before', async () => {
    const apps = await start(2, { SIGNING_KEY_PERIOD: '100000', SIGNING_KEY_ANNOUNCEMENT: '100' });
    const [oldest] = await rows('SELECT kid FROM signing_key WHERE retired_at IS NOT NULL ORDER BY retired_at');
    const retiredFor = (seconds: number) =>
      database.owner.query(`UPDATE signing_key SET retired_at = now() - make_interval(secs => $1) WHERE kid = $2`, [
        seconds,
        oldest.kid,
      ]);
    await retiredFor(3600 + 590);
    for (const app of apps) await rotateNow(app);
    expect(await kidsAt(apps[0])).toContain(oldest.kid);
    await retiredFor(3600 + 610);
    await until(async () => !(await Promise.all(apps.map(kidsAt))).flat().includes(oldest.kid));
    expect(await events()).toContain('signing_key.deleted 1');
  });

  it('are announced manually only once, however many request it, and take over after the announcement period', async () => {
    await database.owner.query('DELETE FROM signing_key WHERE activated_at IS NULL OR retired_at IS NOT NULL');
    const [first, second] = await start(2, { SIGNING_KEY_PERIOD: '100000', SIGNING_KEY_ANNOUNCEMENT: '3' });
    const administrator = await administratorOf(first, database);
    const old = await kidOf(first);
    const answers = await Promise.all([1, 2, 3].map(() => administrator.call('POST', '/admin/keys/rotate', {})));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    const { items } = (await administrator.call('GET', '/admin/keys')).json();
    expect(items).toMatchObject([
      { state: 'announced', next: 'signing', key_encryption: 'current', alg: 'ES256', activated_at: null },
      { state: 'signing', next: 'retired', kid: old },
    ]);
    expect(await kidOf(second)).toBe(old);
    await until(async () => (await kidOf(first)) === items[0].kid && (await kidOf(second)) === items[0].kid);
    expect((await administrator.call('GET', '/admin/keys')).json().items).toMatchObject([
      { state: 'signing' },
      { state: 'retired', next: 'deleted', kid: old },
    ]);
  });

  it('are all replaced at once in an emergency, and tokens of the old ones are refused [waiting-requests, RFC 7240 §4.3]', async () => {
    const [first, second] = await start(2, { SIGNING_KEY_ANNOUNCEMENT: '100' });
    const { secret } = await administratorAgain(first);
    const old = await kidOf(first);
    const waiting = second.inject({
      url: '/.well-known/jwks.json',
      headers: { prefer: 'wait=20', 'if-none-match': second.get(SigningKeys).etag },
    });
    const token = await tokenFor(first, secret);
    const rotated = await callWith(first, token, 'POST', '/admin/keys/rotate', { emergency: true });
    const [{ kid }, ...others] = rotated.json().items;
    expect([kid !== old, others]).toEqual([true, []]);
    const changed = await waiting;
    expect([changed.statusCode, changed.headers['preference-applied']]).toEqual([200, 'wait=20']);
    expect(changed.json().keys.map((key: { kid: string }) => key.kid)).toEqual([kid]);
    expect((await callWith(second, token, 'GET', '/admin/keys')).statusCode).toBe(401);
    expect([await kidOf(first), await kidOf(second)]).toEqual([kid, kid]);
    expect(await events()).toContain('signing_key.withdrawn 2');
  });

  it('never include a withdrawn one: a replica that cannot read the new key stops signing, but publishes it', async () => {
    const former = database.settings.KEY_ENCRYPTION_KEY!;
    const [behind] = await start(1);
    const [ahead] = await start(1, { KEY_ENCRYPTION_KEY: `${randomBytes(32).toString('base64')}\n${former}` });
    running.push(behind);
    const { call } = await administratorAgain(ahead);
    const { items } = (await call('POST', '/admin/keys/rotate', { emergency: true })).json();
    await until(async () => String(await kidsAt(behind)) === items[0].kid);
    const headers = { authorization: basic('batch-processor', database.secretOf('batch-processor')) };
    const refused = await postToken(behind, { grant_type: 'client_credentials' }, headers);
    expect([refused.statusCode, refused.json().error]).toEqual([503, 'temporarily_unavailable']);
    expect((await behind.get(Management).inject('/health/ready')).statusCode).toBe(503);
    expect((await postToken(ahead, { grant_type: 'client_credentials' }, headers)).statusCode).toBe(200);
    await call('POST', '/admin/keys/rotate', { emergency: true });
  });

  it('are waited for no longer than requested, nor after the server stops [waiting-requests, RFC 7240 §4.3]', async () => {
    const [app] = await start(1);
    const { etag } = app.get(SigningKeys);
    const ask = (headers: Record<string, string>) => app.inject({ url: '/.well-known/jwks.json', headers });
    const short = await ask({ 'if-none-match': etag, prefer: 'respond-async, wait=1' });
    expect([short.statusCode, short.headers['preference-applied'], short.body]).toEqual([304, 'wait=1', '']);
    expect((await ask({ prefer: 'wait=1' })).statusCode).toBe(200);
    expect((await ask({ 'if-none-match': etag, prefer: 'wait=-1' })).statusCode).toBe(304);
    const long = ask({ 'if-none-match': etag, prefer: 'wait=60' });
    while (app.get(SigningKeys).waiting.size === 0) await sleep(5);
    await app.close();
    running = [];
    expect((await long).statusCode).toBe(304);
  });

  it('are encrypted anew when the key encryption key is replaced', async () => {
    const [former = ''] = database.settings.KEY_ENCRYPTION_KEY!.split('\n');
    const current = randomBytes(32).toString('base64');
    const [app] = await start(1, { KEY_ENCRYPTION_KEY: `${current}\n${former}` });
    const { call } = await administratorAgain(app);
    const encryption = async () => (await call('GET', '/admin/keys')).json().items.map(described);
    const described = ({ key_encryption }: { key_encryption: string }) => key_encryption;
    expect(await encryption()).toEqual(['former']);
    const findings = (await call('GET', '/admin/diagnosis')).json().items;
    expect(findings).toContainEqual(expect.objectContaining({ check: 'key encryption key', status: 'warning' }));
    expect((await call('POST', '/admin/keys/reencrypt')).json()).toEqual({ reencrypted: 1 });
    expect(await encryption()).toEqual(['current']);
    expect((await call('POST', '/admin/keys/reencrypt')).json()).toEqual({ reencrypted: 0 });
    const kid = await kidOf(app);
    await app.close();
    const [replica] = await start(1, { KEY_ENCRYPTION_KEY: current });
    expect(await kidOf(replica)).toBe(kid);
  });

  it('are published each with a kid and its algorithm [distinct-key-ids, RFC 7517 §4.5] [published-algorithm, RFC 7517 §4.4]', async () => {
    const [app] = await start(1, { SIGNING_KEY_ANNOUNCEMENT: '100' });
    const { call } = await administratorAgain(app);
    await call('POST', '/admin/keys/rotate', {});
    const { keys } = (await app.inject('/.well-known/jwks.json')).json<JSONWebKeySet>();
    expect(keys).toHaveLength(2);
    expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length);
    for (const key of keys) {
      expect(key.alg).toBe('ES256');
      expect(Object.keys(key).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    }
  });
});

const tokenFor = async (app: NestFastifyApplication, secret: string) => {
  const headers = { authorization: basic('administrator', secret) };
  return (await postToken(app, { grant_type: 'client_credentials' }, headers)).json().access_token as string;
};
const callWith = (app: NestFastifyApplication, token: string, method: 'GET' | 'POST', url: string, body: object = {}) =>
  app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(method === 'POST' && { payload: JSON.stringify(body) }),
  });

/** Lets the administrator in again, as after the loss of their secret. */
async function administratorAgain(app: NestFastifyApplication) {
  await database.owner.query(`DELETE FROM client_secret WHERE client_id = 'administrator'`);
  await database.migrateAgain();
  await until(async () => {
    const [row] = await rows(`SELECT 1 FROM client_secret WHERE client_id = 'administrator'`);
    return row !== undefined;
  });
  await app.get(RegistryChanges).catchUp();
  return administratorOf(app, database);
}
