import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Management } from '@lanyard/service-defaults';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SecretAges } from '../../registry/secret-ages.ts';
import { administratorOf, basic, postToken, provisionedDatabase } from '../../auth-server.fixture.ts';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let app: NestFastifyApplication;
let logs: string[];
let call: Awaited<ReturnType<typeof administratorOf>>['call'];

beforeAll(async () => {
  database = await provisionedDatabase();
  ({ app, logs } = await database.startReplica());
  ({ call } = await administratorOf(app, database));
});
afterAll(async () => {
  await app.close();
  await database.owner.end();
});

let count = 0;
async function aClient() {
  const client_id = `rotating-${++count}`;
  const { client_secret: first } = (
    await call('POST', '/admin/clients', { client_id, scope: 'jobs:read', default_scope: 'jobs:read' })
  ).json();
  const path = `/admin/clients/${client_id}/secrets`;
  const statusWith = async (secret: string) =>
    (await postToken(app, { grant_type: 'client_credentials' }, { authorization: basic(client_id, secret) }))
      .statusCode;
  return { client_id, first, path, statusWith, list: async () => (await call('GET', path)).json().items };
}

describe('secrets', () => {
  it('are rotated without a moment at which none is valid', async () => {
    const { client_id, first, path, statusWith, list } = await aClient();
    const rotated = await call('POST', path, { overlap: 60 });
    expect(rotated.statusCode).toBe(201);
    const { client_secret: second, secret_id } = rotated.json();
    expect(rotated.headers.location).toBe(`${path}/${secret_id}`);
    expect(rotated.json()).toMatchObject({ client_id, hint: second.slice(-4), state: 'live', expires_at: null });
    expect([await statusWith(first), await statusWith(second)]).toEqual([200, 200]);
    expect(await list()).toMatchObject([
      { secret_id, expires_at: null },
      { hint: first.slice(-4), state: 'live', expires_at: expect.any(String) },
    ]);
    await database.owner.query(
      'UPDATE client_secret SET expires_at = now() WHERE client_id = $1 AND expires_at > now()',
      [client_id],
    );
    while ((await statusWith(first)) === 200) await sleep(10);
    expect([await statusWith(first), await statusWith(second)]).toEqual([401, 200]);
    const old = (await list())[1];
    expect(old).toMatchObject({
      state: 'expired',
      safe_to_remove: false,
      advice: expect.stringMatching(/^it has expired, but its tokens may not have; wait 6\d\d s$/),
    });
    expect((await call('DELETE', `${path}/${old.secret_id}`)).statusCode).toBe(204);
    expect((await call('DELETE', `${path}/${old.secret_id}`)).statusCode).toBe(404);
    expect(await list()).toHaveLength(1);
  });

  it('keep an earlier expiry, and expire at once with an overlap of 0', async () => {
    const { first, path, statusWith, list } = await aClient();
    const { client_secret: second } = (await call('POST', path, { expires_in: 120 })).json();
    await call('POST', path, { overlap: 3600 });
    const ends = (await list()).map(({ expires_at: end }: { expires_at: string | null }) =>
      end === null ? null : Math.round((Date.parse(end) - Date.now()) / 60_000),
    );
    expect(ends).toEqual([null, 2, 60]);
    const { client_secret: last } = (await call('POST', path, { overlap: 0 })).json();
    expect(await Promise.all([first, second, last].map(statusWith))).toEqual([401, 401, 200]);
  });

  it('are added once for an Idempotency-Key, with the same secret in the answer [idempotent-replay, Lanyard]', async () => {
    const { path, list, statusWith } = await aClient();
    const add = () => call('POST', path, { overlap: 60 }, { 'idempotency-key': `add-${path}` });
    const [answer, again] = [await add(), await add()];
    expect(again.body).toBe(answer.body);
    expect(await list()).toHaveLength(2);
    expect(await statusWith(again.json().client_secret)).toBe(200);
  });

  it('of an operator are accepted, unless weak, known or removed before', async () => {
    const { path, statusWith } = await aClient();
    const own = 'a-secret-of-mine-that-is-long-enough';
    const add = (client_secret: string) => call('POST', path, { client_secret });
    const { secret_id } = (await add(own)).json();
    expect(await statusWith(own)).toBe(200);
    expect((await add(own)).json().type).toBe('urn:lanyard:problem:secret-exists');
    expect((await add('hunter2')).json().errors).toMatchObject([{ field: 'client_secret' }]);
    expect((await add('lanyard_cs_cut-off-somewhere-in-the-middle')).json().errors).toMatchObject([
      { field: 'client_secret' },
    ]);
    await call('DELETE', `${path}/${secret_id}`);
    expect(await statusWith(own)).toBe(401);
    expect((await add(own)).json().type).toBe('urn:lanyard:problem:secret-removed');
  });

  it('that were removed are not restored from the file that still holds them', async () => {
    const path = '/admin/clients/report-generator/secrets';
    const [{ secret_id }] = (await call('GET', path)).json().items;
    await call('POST', path, {});
    await call('DELETE', `${path}/${secret_id}`);
    expect(await database.migrateAgain()).toEqual([
      'client report-generator: the secret in its file was removed from the registry, and is not restored',
    ]);
    expect((await call('GET', path)).json().items).toHaveLength(1);
  });

  it('are limited in number', async () => {
    const { path, list } = await aClient();
    const statuses = [];
    for (let i = 0; i < 21; i++) statuses.push((await call('POST', path, {})).statusCode);
    expect(statuses).toEqual([...Array<number>(19).fill(201), 409, 409]);
    const [{ secret_id }] = await list();
    expect((await call('DELETE', `${path}/${secret_id}`)).statusCode).toBe(204);
    expect((await call('POST', path, {})).statusCode).toBe(201);
  });

  it('have their uses counted by every replica, without a statement for each use', async () => {
    const { client_id, first, list } = await aClient();
    const replica = (await database.startReplica()).app;
    const use = (where: NestFastifyApplication) =>
      postToken(where, { grant_type: 'client_credentials' }, { authorization: basic(client_id, first) });
    for (let i = 0; i < 7; i++) await use(replica);
    await replica.close();
    for (let i = 0; i < 3; i++) await use(app);
    for (let i = 0; i < 100 && (await list())[0].use_count < 10; i++) await sleep(250);
    const [{ use_count, last_used_at }] = await list();
    expect(use_count).toBe(10);
    expect(Date.now() - Date.parse(last_used_at)).toBeLessThan(60_000);
  });

  it('cause a warning when they are old, or expire soon without a successor', async () => {
    const aged = await aClient();
    const ending = await aClient();
    const replaced = await aClient();
    await database.owner.query(
      `UPDATE client_secret SET created_at = now() - interval '366 days' WHERE client_id = $1`,
      [aged.client_id],
    );
    await database.owner.query(
      `UPDATE client_secret SET expires_at = now() + interval '13 days' WHERE client_id = ANY($1)`,
      [[ending.client_id, replaced.client_id]],
    );
    await call('POST', replaced.path, {});
    const found = await app.get(SecretAges).check();
    const clients = (secrets: { clientId: string }[]) => secrets.map(({ clientId }) => clientId);
    expect([clients(found.old), clients(found.expiring)]).toEqual([[aged.client_id], [ending.client_id]]);
    const { body: metrics } = await app.get(Management).inject('/metrics');
    expect(metrics).toMatch(/lanyard_client_secrets\{state="old",.*\} 1\n/);
    expect(metrics).toMatch(/lanyard_client_secrets\{state="expiring",.*\} 1\n/);
    const other = await database.startReplica();
    for (let i = 0; i < 1000 && !other.logs.join('').includes('rotate it'); i++) await sleep(20);
    expect(other.logs.join('')).toMatch(
      new RegExp(`"msg":"a client secret is old: rotate it","client_id":"${aged.client_id}"`),
    );
    expect(other.logs.join('')).toMatch(/"msg":"a client secret expires soon, without a successor"/);
    await other.app.close();
    expect((await call('GET', '/admin/diagnosis')).json().items).toContainEqual({
      check: 'secrets',
      status: 'warning',
      detail: expect.stringContaining(`old, rotate them: ${aged.client_id} (…`),
    });
    expect(logs.join('')).not.toContain(aged.first);
  });
});
