import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { getDataSourceToken } from '@nestjs/typeorm';
import { Management } from '@lanyard/service-defaults';
import type { PoolClient } from 'pg';
import type { DataSource } from 'typeorm';
import { advisoryLocks } from '../advisory-locks.ts';
import {
  administratorOf,
  basic,
  callOAuth,
  callWith,
  postToken,
  provisionedDatabase,
  statementsSent,
} from '../auth-server.fixture.ts';
import { bulk } from '../pools.ts';
import { ProtectedResource, Scope } from '../registry/protected-resource.entity.ts';
import { ProtectedResources } from '../registry/protected-resources.ts';
import { RevocationState } from '../revoked-tokens/revocation-state.ts';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let app: NestFastifyApplication;
let logs: string[];
let other: NestFastifyApplication;
let administrator: Awaited<ReturnType<typeof administratorOf>>;
let blocker: PoolClient;

beforeAll(async () => {
  // Fewer connections than other administration may have: if it shared this pool, it would exhaust it.
  database = await provisionedDatabase({ DATABASE_POOL_SIZE: '4' });
  [{ app, logs }, { app: other }] = [await database.startReplica(), await database.startReplica()];
  administrator = await administratorOf(app, database);
  blocker = await database.owner.connect();
});
afterAll(async () => {
  blocker.release();
  await Promise.all([app.close(), other.close()]);
  await database.owner.end();
});
afterEach(async () => {
  await blocker.query('ROLLBACK');
});

/** Locks something until the test is over, or `blocker` commits. */
const hold = (statement: string) => blocker.query(`BEGIN; ${statement}`);
/** Sends a request now; otherwise it is sent when its answer is awaited. */
const sent = <T>(request: PromiseLike<T>): Promise<T> => Promise.resolve(request);
const waiting = `SELECT DISTINCT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
                 WHERE datname = current_database() AND NOT granted`;
/** Waits until this many transactions wait for a lock. */
async function untilWaiting(transactions: number): Promise<void> {
  while ((await database.owner.query(waiting)).rowCount! < transactions) await sleep(10);
}
const resources = async () => (await administrator.call('GET', '/admin/resources')).json().items;
const listed = (clientId: string, more: object = {}) => ({ client_id: clientId, client_name: 'Changed', ...more });
let count = 0;
async function aClient() {
  const body = { client_id: `example-${++count}`, scope: 'jobs:read', default_scope: 'jobs:read' };
  const created = (await administrator.call('POST', '/admin/clients', body)).json();
  return { id: body.client_id, authorization: basic(body.client_id, created.client_secret) };
}
/** With all scopes that administer clients. */
async function anotherAdministrator() {
  const scope = 'clients:read clients:write';
  const body = { client_id: `administrator-${++count}`, scope, default_scope: scope };
  const { client_secret: secret } = (await administrator.call('POST', '/admin/clients', body)).json();
  const token = await tokenOf(basic(body.client_id, secret));
  return {
    call: (method: 'GET' | 'POST' | 'PATCH', url: string, sentBody?: unknown) =>
      callWith(app, token, method, url, sentBody),
  };
}
const tokenOf = async (authorization: string, replica = app): Promise<string> =>
  (await postToken(replica, { grant_type: 'client_credentials' }, { authorization })).json().access_token;
const disable = (id: string) => administrator.call('POST', `/admin/clients/${id}/disable`);
const change = (id: string) => administrator.call('PATCH', `/admin/clients/${id}`, { client_name: 'Changed' });
/** Acts until a request is refused with 429. */
async function untilRefused(act: () => PromiseLike<{ statusCode: number }>): Promise<number> {
  for (;;) {
    const answer = await Promise.race([act(), sleep(100)]);
    if (answer?.statusCode === 429) return 429;
  }
}

describe('a dry run', () => {
  it('does not wait for locks of others [dry-run-locks-nothing, Lanyard]', async () => {
    const registry = { resources: await resources(), clients: [listed('batch-processor', { disabled: true })] };
    await hold(`SELECT FROM client FOR UPDATE; SELECT FROM scope FOR UPDATE;
                SELECT pg_advisory_xact_lock(${advisoryLocks.resources})`);
    const answer = await administrator.call('POST', '/admin/registry', { registry, dry_run: true });
    expect([answer.statusCode, answer.json().changes.length]).toEqual([200, 1]);
  });

  it('does not make other transactions wait [dry-run-locks-nothing, Lanyard]', async () => {
    const registry = { resources: await resources(), clients: [listed('batch-processor', { disabled: true })] };
    // The dry run reads this table last.
    await hold('LOCK TABLE client_secret IN ACCESS EXCLUSIVE MODE');
    const answer = sent(administrator.call('POST', '/admin/registry', { registry, dry_run: true, prune: true }));
    await untilWaiting(1);
    const { rows } = await database.owner.query(
      `SELECT DISTINCT locktype, mode FROM pg_locks WHERE pid IN (${waiting}) AND locktype <> 'virtualxid'`,
    );
    expect(rows).toEqual([{ locktype: 'relation', mode: 'AccessShareLock' }]);
    await blocker.query('COMMIT');
    expect((await answer).statusCode).toBe(200);
  });
});

describe('a registry that is applied', () => {
  /** Starts to apply a registry, which then holds the resources and one client, and waits for another client. */
  async function applying() {
    const [held, awaited] = [await aClient(), await aClient()];
    const registry = { resources: await resources(), clients: [listed(held.id), listed(awaited.id)] };
    await hold(`SELECT FROM client WHERE client_id = '${awaited.id}' FOR UPDATE`);
    const answer = sent(administrator.call('POST', '/admin/registry', { registry }));
    await untilWaiting(1);
    return { held, answer };
  }

  it('does not delay disabling, deleting or revoking another client [emergencies-do-not-wait, Lanyard]', async () => {
    const [one, two, three] = [await aClient(), await aClient(), await aClient()];
    const { answer } = await applying();
    expect((await disable(one.id)).statusCode).toBe(200);
    expect((await administrator.call('DELETE', `/admin/clients/${two.id}`)).statusCode).toBe(204);
    const body = { client_id: three.id };
    expect((await administrator.call('POST', '/admin/revocations', body)).statusCode).toBe(204);
    await blocker.query('COMMIT');
    expect((await answer).statusCode).toBe(200);
  });

  it('lets a client that it changes be disabled as soon as it has ended', async () => {
    const { held, answer } = await applying();
    const disabled = sent(disable(held.id));
    await untilWaiting(2);
    await blocker.query('COMMIT');
    expect([(await answer).statusCode, (await disabled).statusCode]).toEqual([200, 200]);
    expect((await administrator.call('GET', `/admin/clients/${held.id}`)).json()).toMatchObject({
      client_name: 'Changed',
      disabled: true,
    });
  });

  it('locks nothing if nothing changes', async () => {
    const { id } = await aClient();
    const registry = { resources: await resources(), clients: [listed(id)] };
    expect((await administrator.call('POST', '/admin/registry', { registry })).json().changes).toHaveLength(1);
    await hold(`SELECT FROM client FOR UPDATE; SELECT pg_advisory_xact_lock(${advisoryLocks.resources})`);
    expect((await administrator.call('POST', '/admin/registry', { registry })).json().changes).toEqual([]);
  });

  it('sees what changed while it was planned', async () => {
    const { id } = await aClient();
    const registry = { resources: await resources(), clients: [listed(id, { scope: 'jobs:read' })] };
    const token = await administrator.tokenFor('clients:write');
    await hold(`SELECT pg_advisory_xact_lock(${advisoryLocks.resources})`);
    const answer = sent(administrator.call('POST', '/admin/registry', { registry }, {}, token));
    await untilWaiting(1);
    await blocker.query(`UPDATE client SET scope = '{jobs:read,keys:rotate}' WHERE client_id = '${id}'; COMMIT`);
    expect((await answer).json().type).toBe('urn:lanyard:problem:beyond-own-scope');
  });

  it('writes thousands of clients in few statements', async () => {
    const clients = Array.from({ length: 1000 }, (_, i) => ({ client_id: `many-${i}`, scope: 'jobs:read' }));
    const registry = { resources: await resources(), clients };
    const statementsFor = async (body: object) => {
      const before = statementsSent(database);
      expect((await administrator.call('POST', '/admin/registry', body)).statusCode).toBe(200);
      return statementsSent(database) - before;
    };
    expect(await statementsFor({ registry })).toBeLessThan(50);
    const auditors = { ...registry, clients: clients.map((client) => ({ ...client, scope: 'jobs:read audit:read' })) };
    expect(await statementsFor({ registry: auditors })).toBeLessThan(50);
    await database.owner.query(
      `INSERT INTO client_secret (client_id, digest, hint) SELECT client_id, sha256(client_id::bytea), 'hint'
       FROM client WHERE client_id LIKE 'many-%'`,
    );
    const revoked = async () =>
      (await database.owner.query(`SELECT FROM revocation WHERE client_id LIKE 'many-%'`)).rowCount;
    // This registry takes an administrative scope from each of them.
    expect(await statementsFor({ registry })).toBeLessThan(50);
    expect(await revoked()).toBe(1000);
    const lost = '/admin/audit?order=newest&type=access_token.revoked&limit=1000';
    expect((await administrator.call('GET', lost)).json().items[999].details).toEqual({ lost_scope: 'audit:read' });
    const disabled = { ...registry, clients: clients.map((client) => ({ ...client, disabled: true })) };
    expect(await statementsFor({ registry: disabled })).toBeLessThan(50);
    const events = (await administrator.call('GET', '/admin/audit?order=newest&type=client.changed&limit=1000')).json();
    expect(events.items[999].details).toEqual({ disabled: { from: false, to: true } });
  });

  it('creates no entities for the resources, however many there are', async () => {
    const made: unknown[] = [];
    const subscriber = {
      afterLoad: (entity: object) => {
        if (entity instanceof Scope || entity instanceof ProtectedResource) made.push(entity);
      },
    };
    for (const token of [getDataSourceToken(), getDataSourceToken(bulk)]) {
      app.get<DataSource>(token).subscribers.push(subscriber);
    }
    const scopes = Object.fromEntries(['plain:a_b', 'plain:B', 'plain:a:b', 'plain:2'].map((v) => [v, `Scope ${v}`]));
    const tokens = { access_token_lifetime: null, access_token_typ: 'at+jwt' };
    const plain = { identifier: 'https://plain.example', name: 'Plain', scopes, ...tokens };
    const registry = { resources: [...(await resources()), plain] };
    for (const dryRun of [true, false]) {
      const answer = await administrator.call('POST', '/admin/registry', { registry, dry_run: dryRun });
      expect(answer.json().changes).toHaveLength(1);
    }
    while (!app.get(ProtectedResources).resourceOf('plain:B')) await sleep(10);
    expect((await administrator.call('POST', '/admin/registry', { registry })).json().changes).toEqual([]);
    const read = (await administrator.call('GET', `/admin/resources/${encodeURIComponent(plain.identifier)}`)).json();
    expect(read).toEqual(plain);
    expect(Object.keys(read.scopes)).toEqual(['plain:2', 'plain:B', 'plain:a:b', 'plain:a_b']);
    expect(made).toEqual([]);
  });

  it.each([
    ['a scope with a new description', `UPDATE scope SET description = 'New' WHERE value = 'jobs:read'`],
    ['a scope that is deleted', `DELETE FROM scope WHERE value = 'extra:read'`],
    ['a resource that is renamed', `UPDATE protected_resource SET name = 'Renamed'`],
  ])('plans again after %s in between', async (_, change) => {
    const { id } = await aClient();
    await database.owner.query(
      `INSERT INTO scope VALUES ('extra:read', (SELECT resource FROM scope WHERE value = 'jobs:read'), 'Extra')
       ON CONFLICT DO NOTHING`,
    );
    const registry = { resources: await resources(), clients: [listed(id, { scope: 'jobs:read' })] };
    await hold(`SELECT pg_advisory_xact_lock(${advisoryLocks.resources})`);
    const answer = sent(administrator.call('POST', '/admin/registry', { registry }));
    await untilWaiting(1);
    await blocker.query(`${change}; COMMIT`);
    expect((await answer).json().changes).toContainEqual(expect.objectContaining({ kind: 'resource' }));
    expect(await resources()).toEqual(registry.resources);
  });

  it('changes or deletes at most 5,000 clients and 1,000 resources, also in a dry run [registry-size, Lanyard]', async () => {
    await database.owner.query(
      `INSERT INTO client (client_id, client_name, grant_types, scope, default_scope)
         SELECT 'unlisted-' || number, 'Unlisted', '{}', '{}', '{}' FROM generate_series(1, 5000) AS number;
       INSERT INTO protected_resource SELECT 'https://unlisted.example/' || number, 'Unlisted' FROM generate_series(1, 1001) AS number`,
    );
    const { rows } = await database.owner.query<{ total: number }>(
      `SELECT count(*)::int AS total FROM client WHERE NOT scope && '{clients:write,keys:rotate}'`,
    );
    const listed = (await resources()).filter(({ name }: { name: string }) => name !== 'Unlisted');
    const prune = async (body: object) => {
      const answer = await administrator.call('POST', '/admin/registry', { prune: true, ...body });
      return { status: answer.statusCode, ...answer.json() };
    };
    for (const dryRun of [true, false]) {
      expect(await prune({ registry: {}, dry_run: dryRun })).toMatchObject({
        status: 409,
        type: 'urn:lanyard:problem:too-many-changes',
        detail: expect.stringContaining(
          `${1001 + listed.length} resources would change or be deleted, but at most 1000 may`,
        ),
      });
      expect(await prune({ registry: { resources: listed }, dry_run: dryRun })).toMatchObject({ status: 409 });
    }
    await database.owner.query(`DELETE FROM protected_resource WHERE name = 'Unlisted'`);
    for (const dryRun of [true, false]) {
      expect(await prune({ registry: { resources: listed }, dry_run: dryRun })).toMatchObject({
        status: 409,
        detail: expect.stringContaining(`${rows[0]?.total} clients would change or be deleted, but at most 5000 may`),
      });
    }
    await database.owner.query(
      `DELETE FROM client WHERE client_id <> 'administrator' AND client_id NOT LIKE 'unlisted-%'`,
    );
    const { changes } = await prune({ registry: { resources: listed } });
    expect(changes).toHaveLength(5000);
  });
});

describe('while as much bulk work as possible is under way', () => {
  it('tokens, revocations and emergencies continue, and all bulk work succeeds [bulk-connections, Lanyard]', async () => {
    const [one, two, three] = [await aClient(), await aClient(), await aClient()];
    const [revoked, ended] = [await tokenOf(one.authorization), await tokenOf(one.authorization)];
    const registry = { resources: await resources(), clients: [] };
    const workOf = ({ call }: Pick<typeof another, 'call'>, requests: number) => [
      sent(call('POST', '/admin/registry', { registry })),
      ...Array.from({ length: requests }, () => [
        sent(call('PATCH', `/admin/clients/${two.id}`, { client_name: 'Changed' })),
        sent(call('GET', '/admin/resources')),
      ]).flat(),
    ];
    const another = await anotherAdministrator();
    await hold(`LOCK TABLE scope IN ACCESS EXCLUSIVE MODE; SELECT pg_advisory_xact_lock(${advisoryLocks.resources})`);
    const work = [...workOf(administrator, 3), ...workOf(another, 2)];
    let answered = 0;
    for (const request of work) void request.then(() => (answered += 1));
    // Each request has a connection, or is refused because none is free.
    while (answered + (await database.owner.query(waiting)).rowCount! < work.length) await sleep(10);

    // Neither replica has this client in memory.
    expect(await tokenOf(three.authorization, other)).toEqual(expect.any(String));
    const form = { token: revoked };
    expect((await callOAuth(app, '/oauth/revoke', { form, authorization: one.authorization })).statusCode).toBe(200);
    const calls = [
      administrator.call('POST', '/admin/revocations', { token: ended }),
      disable(one.id),
      administrator.call('DELETE', `/admin/clients/${three.id}`),
      administrator.call('DELETE', `/admin/clients/${two.id}/secrets/7f1b3d1e-0000-4000-8000-000000000000`),
      administrator.call('POST', '/admin/keys/a-kid/withdraw'),
    ];
    expect((await Promise.all(calls)).map(({ statusCode }) => statusCode)).toEqual([204, 200, 204, 404, 404]);
    const { cursor } = app.get(RevocationState);
    while (other.get(RevocationState).cursor < cursor) await sleep(10);

    await blocker.query('COMMIT');
    const statuses = (await Promise.all(work)).map(({ statusCode }) => statusCode);
    expect(statuses).toEqual(Array<number>(12).fill(200));
  });
});

it.each([
  ['auth-server (emergencies)', 'POST', '/admin/clients/nobody/disable'],
  ['auth-server (emergencies)', 'DELETE', '/admin/clients/nobody'],
  ['auth-server (emergencies)', 'DELETE', '/admin/clients/nobody/secrets/7f1b3d1e-0000-4000-8000-000000000000'],
  ['auth-server (emergencies)', 'POST', '/admin/revocations', { client_id: 'nobody' }],
  ['auth-server (emergencies)', 'POST', '/admin/keys/rotate', {}],
  ['auth-server (emergencies)', 'POST', '/admin/keys/a-kid/withdraw'],
  ['auth-server', 'GET', '/admin/clients/nobody'],
  ['auth-server', 'GET', '/admin/clients/nobody/secrets'],
  ['auth-server (bulk)', 'GET', '/admin/clients'],
  ['auth-server (bulk)', 'GET', '/admin/diagnosis'],
  ['auth-server (bulk)', 'PATCH', '/admin/clients/nobody', { client_name: 'Changed' }],
  ['auth-server (bulk)', 'POST', '/admin/clients/nobody/enable'],
  ['auth-server (bulk)', 'POST', '/admin/clients/nobody/secrets', {}],
  ['auth-server (bulk)', 'POST', '/admin/keys/reencrypt'],
  ['auth-server (bulk)', 'POST', '/admin/registry', { registry: {}, dry_run: true }],
] as const)(
  'administration takes a connection of %s for %s %s [bulk-connections, Lanyard]',
  async (pool, method, url, ...[body]) => {
    await hold('LOCK TABLE client IN ACCESS EXCLUSIVE MODE');
    const answer = sent(administrator.call(method, url, body));
    await untilWaiting(1);
    const { rows } = await database.owner.query(
      `SELECT application_name FROM pg_stat_activity WHERE pid IN (${waiting})`,
    );
    expect(rows).toEqual([{ application_name: pool }]);
    await blocker.query('COMMIT');
    expect((await answer).statusCode).toBeLessThan(500);
  },
);

describe('while as many emergencies of an administrator as possible wait', () => {
  it('tokens, revocations, look-ups and emergencies of others continue [emergency-connections, Lanyard]', async () => {
    const locked: string[] = [];
    for (let i = 0; i < 10; i++) locked.push((await aClient()).id);
    const [one, two] = [await aClient(), await aClient()];
    const revoked = await tokenOf(two.authorization);
    const { call } = await anotherAdministrator();
    await hold(`SELECT FROM client WHERE client_id = ANY('{${locked.join()}}') FOR UPDATE`);
    const disabling = locked.map((id) => sent(disable(id)));
    await untilWaiting(4);

    const form = { token: revoked };
    const answers = await Promise.all([
      callOAuth(app, '/oauth/revoke', { form, authorization: two.authorization }),
      // This client is not in memory.
      postToken(app, { grant_type: 'client_credentials' }, { authorization: one.authorization }),
      call('GET', `/admin/clients/${two.id}`),
      call('POST', `/admin/clients/${two.id}/disable`),
    ]);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
    const { cursor } = other.get(RevocationState);
    await callOAuth(other, '/oauth/revoke', {
      form: { token: await tokenOf(one.authorization, other) },
      authorization: one.authorization,
    });
    while (app.get(RevocationState).cursor <= cursor) await sleep(10);

    await blocker.query('COMMIT');
    const statuses = (await Promise.all(disabling)).map(({ statusCode }) => statusCode);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 200, 200, 200, 429, 429, 429, 429, 429]);
  });
});

describe('concurrent work of administrators', () => {
  const sockets: Socket[] = [];
  let port: number;
  let token: string;
  beforeAll(async () => {
    await app.listen(0, '127.0.0.1');
    ({ port } = app.getHttpServer().address() as AddressInfo);
    token = await administrator.tokenFor('clients:write clients:read');
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  /** Sends the head of a request whose body never arrives. */
  function begin(request: string) {
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write(
      `${request} HTTP/1.1\r\nhost: here\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n`,
    );
    const answer = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data))));
    return { socket, answer };
  }
  const beginAll = (request: string, requests: number) => Array.from({ length: requests }, () => begin(request));
  const firstAnswer = (begun: { answer: Promise<string> }[]) => Promise.race(begun.map(({ answer }) => answer));

  it('does not delay the look-ups that an emergency begins with [emergencies-do-not-wait, Lanyard]', async () => {
    const { id } = await aClient();
    await hold('LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE');
    const reads = Array.from({ length: 4 }, () => sent(administrator.call('GET', '/admin/audit')));
    expect((await Promise.race(reads)).statusCode).toBe(429);
    await untilWaiting(3);
    const lookUps = [`/admin/clients/${id}`, `/admin/clients/${id}/secrets`, '/admin/keys'];
    const answers = await Promise.all(lookUps.map((path) => administrator.call('GET', path)));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    await blocker.query('COMMIT');
    await Promise.all(reads);
  });

  it('is limited before the body of a registry is read [administration-limit, Lanyard]', async () => {
    const begun = beginAll('POST /admin/registry', 2);
    const answer = await firstAnswer(begun);
    expect(answer).toMatch(/^HTTP\/1.1 429 [^]*\r\nretry-after: 1\r\n/);
    expect(answer).toContain('"type":"urn:lanyard:problem:too-many-at-a-time"');
  });

  it.each([
    ['changes', 3, `SELECT pg_advisory_xact_lock(${advisoryLocks.resources})`, (id: string) => change(id)],
    ['emergencies', 5, `SELECT FROM client FOR UPDATE`, (id: string) => disable(id)],
  ])('is limited for %s [administration-limit, Lanyard]', async (_, limit, lock, act) => {
    const { id } = await aClient();
    await hold(lock);
    const underWay = Array.from({ length: limit }, () => sent(act(id)));
    expect(
      await Promise.race([...underWay.map(async (one) => (await one).statusCode), untilRefused(() => act(id))]),
    ).toBe(429);
    await blocker.query('COMMIT');
    expect((await Promise.all(underWay)).map(({ statusCode }) => statusCode)).not.toContain(429);
  });

  it.each(['POST /admin/clients', 'POST /admin/clients/jobs-cli/disable'])(
    'does not count a request before its body has arrived: %s [administration-limit, Lanyard]',
    async (request) => {
      const { id } = await aClient();
      const begun = beginAll(request, 30);
      await Promise.all(begun.map(({ socket }) => once(socket, 'connect')));
      expect([(await change(id)).statusCode, (await disable(id)).statusCode]).toEqual([200, 200]);
    },
  );

  it.each(['GET', 'POST'] as const)(
    'does not count a %s without a valid token [administration-limit, Lanyard]',
    async (method) => {
      const asked = Array.from({ length: 30 }, () => app.inject({ method, url: '/admin/clients' }));
      const own = administrator.call('GET', '/admin/clients?limit=1');
      expect(new Set((await Promise.all(asked)).map(({ statusCode }) => statusCode))).toEqual(new Set([401]));
      expect((await own).statusCode).toBe(200);
    },
  );

  it('may include an emergency while other work is at its limit [administration-limit, Lanyard]', async () => {
    const { id } = await aClient();
    await firstAnswer(beginAll('POST /admin/registry', 2));
    await hold(`SELECT pg_advisory_xact_lock(${advisoryLocks.resources})`);
    const changes = Array.from({ length: 3 }, () => sent(change(id)));
    await untilRefused(() => change(id));
    expect((await disable(id)).statusCode).toBe(200);
    await blocker.query('COMMIT');
    await Promise.all(changes);
  });

  it.each([
    ['emergency', 5, (id: string) => disable(id)],
    ['look_up', 5, (id: string) => administrator.call('GET', `/admin/clients/${id}`)],
    ['bulk', 1, () => administrator.call('POST', '/admin/registry', { registry: {}, dry_run: true })],
    ['write', 3, (id: string) => change(id)],
    ['read', 3, () => administrator.call('GET', '/admin/clients')],
  ])('is counted and logged if it is refused: %s', async (kind, limit, act) => {
    const { id } = await aClient();
    const limited = `administration_${kind}`;
    const counted = async () => {
      const { body } = await app.get(Management).inject('/metrics');
      const sample = new RegExp(`lanyard_throttled_requests_total\\{limit="${limited}",enforced="true".*\\} (\\d+)`);
      return Number(sample.exec(body)?.[1] ?? 0);
    };
    const before = await counted();
    await hold('LOCK TABLE client IN ACCESS EXCLUSIVE MODE');
    logs.length = 0;
    const acts = Array.from({ length: limit + 1 }, () => sent(act(id)));
    const { statusCode, headers } = await Promise.race(acts);
    expect([statusCode, headers['retry-after']]).toEqual([429, '1']);
    await blocker.query('COMMIT');
    await Promise.all(acts);
    expect((await counted()) - before).toBe(1);
    const lines = logs.map((line) => JSON.parse(line)).filter(({ status }) => status === 429);
    expect(lines).toEqual([expect.objectContaining({ throttled: limited })]);
  });

  it('counts until it has ended, even if the caller disconnects', async () => {
    const begun = beginAll('POST /admin/registry', 2);
    await firstAnswer(begun);
    const dryRun = async () =>
      (await administrator.call('POST', '/admin/registry', { registry: {}, dry_run: true })).statusCode;
    expect(await dryRun()).toBe(429);
    for (const { socket } of begun) socket.destroy();
    while ((await dryRun()) === 429) await sleep(10);
    expect(await dryRun()).toBe(200);
    expect(await firstAnswer(beginAll('POST /admin/registry', 2))).toMatch(/^HTTP\/1.1 429 /);
  });
});
