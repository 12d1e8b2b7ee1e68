import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { administrativeScopes } from '@lanyard/administration';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { decodeJwt } from 'jose';
import pg from 'pg';
import { advisoryLocks } from '../advisory-locks.ts';
import { administratorOf, basic, postToken, provisionedDatabase, callWith } from '../auth-server.fixture.ts';

const all = Object.keys(administrativeScopes);
type Call = Awaited<ReturnType<typeof administratorOf>>['call'];

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let one: NestFastifyApplication;
let other: NestFastifyApplication;
let administrator: Awaited<ReturnType<typeof administratorOf>>;

beforeAll(async () => {
  database = await provisionedDatabase({ LOG_LEVEL: 'silent' });
  ({ app: one } = await database.startReplica());
  ({ app: other } = await database.startReplica());
  administrator = await administratorOf(one, database);
});
afterAll(async () => {
  await Promise.all([one.close(), other.close()]);
  await database.owner.end();
});

let count = 0;
/** Creates another administrator, with a token. */
async function anotherAdministrator(scope = all.join(' ')) {
  const id = `administrator-${++count}`;
  const path = `/admin/clients/${id}`;
  const request = { client_id: id, scope, default_scope: scope };
  const { client_secret: secret } = (await administrator.call('POST', '/admin/clients', request)).json();
  const tokenWith = async (wanted = secret): Promise<string> =>
    (await postToken(one, { grant_type: 'client_credentials' }, { authorization: basic(id, wanted) })).json()
      .access_token;
  const token = await tokenWith();
  const callAt = (app: NestFastifyApplication, ...[method, url, body, headers]: Parameters<Call>) =>
    callWith(app, token, method, url, body, headers);
  return {
    id,
    path,
    secret,
    token,
    tokenWith,
    callAt,
    call: (...request: Parameters<Call>) => callAt(one, ...request),
    /** The status of a call that only reads. */
    status: async (app = one) => (await callAt(app, 'GET', '/admin/clients?limit=1')).statusCode,
    /** Like the administration API, but without revoking the token, as if the revocation had not arrived yet. */
    demote: (columns = `scope = '{}', default_scope = '{}'`) =>
      database.owner.query(`UPDATE client SET ${columns} WHERE client_id = $1`, [id]),
  };
}
const rows = async (sql: string, values: unknown[] = []) => (await database.owner.query(sql, values)).rows;
const everything = async () =>
  JSON.stringify([
    await rows('SELECT * FROM client ORDER BY 1'),
    await rows('SELECT * FROM client_secret ORDER BY 1'),
    await rows('SELECT * FROM protected_resource ORDER BY 1'),
    await rows('SELECT * FROM scope ORDER BY 1'),
    await rows('SELECT * FROM signing_key ORDER BY 1'),
    await rows('SELECT * FROM revocation ORDER BY 1'),
  ]);
const noLonger = [403, 'urn:lanyard:problem:no-longer-allowed'];
const answerOf = (response: { statusCode: number; json: () => { type?: string } }) => [
  response.statusCode,
  response.json().type,
];
/** Another connection of the database's owner, in a transaction that blocks others until it ends. */
async function holding(sql: string, values: unknown[] = []) {
  const connection = new pg.Client({ connectionString: database.settings.MIGRATION_DATABASE_URL });
  await connection.connect();
  await connection.query('BEGIN');
  await connection.query(sql, values);
  return {
    /** Waits until this many transactions wait for a lock. */
    waitedFor: async (waiting: number) => {
      const waits = `SELECT count(DISTINCT pid)::int AS count FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE NOT granted AND datname = current_database()`;
      for (let i = 0; i < 400; i++) {
        if ((await rows(waits))[0].count >= waiting) return;
        await sleep(5);
      }
      throw new Error('no transaction waits');
    },
    release: async () => {
      await connection.query('COMMIT');
      await connection.end();
    },
  };
}

describe('every act of an administrator', () => {
  const writes = [
    ['POST', '/admin/clients', { client_id: 'accomplice', scope: 'clients:write' }],
    ['PATCH', '/admin/clients/:self', { scope: all.join(' ') }],
    ['POST', '/admin/clients/jobs-api/disable'],
    ['POST', '/admin/clients/:self/enable'],
    ['DELETE', '/admin/clients/jobs-cli'],
    ['POST', '/admin/clients/:self/secrets', {}],
    ['DELETE', '/admin/clients/jobs-api/secrets/7f1b3d1e-0000-4000-8000-000000000000'],
    ['PUT', '/admin/resources/https%3A%2F%2Fa.example', { name: 'A', scopes: { 'a:read': 'Read' } }],
    ['DELETE', '/admin/resources/https%3A%2F%2Fa.example'],
    ['POST', '/admin/registry', { registry: { clients: [{ client_id: 'accomplice', scope: 'clients:write' }] } }],
    ['POST', '/admin/keys/rotate', { emergency: true }],
    ['POST', '/admin/keys/reencrypt'],
    ['POST', '/admin/keys/a-kid/withdraw'],
    ['POST', '/admin/revocations', { client_id: 'jobs-api' }],
  ] as const;

  it('is tested for every route that writes [current-rights, Lanyard]', async () => {
    const { paths } = (await one.inject('/docs-json')).json<{ paths: Record<string, object> }>();
    const described = Object.entries(paths).flatMap(([path, item]) =>
      path.startsWith('/admin/') ? Object.keys(item) : [],
    );
    expect(described.filter((method) => method !== 'get')).toHaveLength(writes.length);
  });

  it.each([
    ['was demoted', `scope = '{}', default_scope = '{}'`],
    ['was demoted in part', `scope = '{audit:read}', default_scope = '{audit:read}'`],
    ['is disabled', 'disabled_at = now()'],
    ['was deleted', undefined],
  ])('is refused if the administrator %s, whatever their token says [current-rights, Lanyard]', async (_, columns) => {
    const actor = await anotherAdministrator();
    if (columns) await actor.demote(columns);
    else await database.owner.query('DELETE FROM client WHERE client_id = $1', [actor.id]);
    const before = await everything();
    const refused: unknown[] = [];
    for (const [index, [method, url, body]] of writes.entries()) {
      const path = url.replace(':self', actor.id);
      const answer = await actor.callAt(index % 2 ? one : other, method, path, body);
      refused.push([method, path, ...answerOf(answer)]);
    }
    expect(refused).toEqual(writes.map(([method, url]) => [method, url.replace(':self', actor.id), ...noLonger]));
    expect(await everything()).toBe(before);
  });

  it('leaves an audit event if it is refused [refusals-are-audited, Lanyard]', async () => {
    const { app: replica } = await database.startReplica();
    const actor = await anotherAdministrator();
    await actor.demote();
    await actor.callAt(replica, 'POST', '/admin/clients', { client_id: 'accomplice' });
    await replica.close();
    const path = `/admin/audit?type=administration.refused&actor=${actor.id}`;
    expect((await administrator.call('GET', path)).json().items).toMatchObject([
      { details: { route: 'POST /admin/clients', status: 403 } },
    ]);
  });

  it.each(['POST /admin/clients', 'POST /admin/clients/:self/secrets'])(
    'is not replayed for an administrator who was demoted: %s [current-rights, Lanyard]',
    async (route) => {
      const actor = await anotherAdministrator();
      const path = route.replace(/^POST /, '').replace(':self', actor.id);
      const body = path.endsWith('/secrets') ? {} : { client_id: `${actor.id}-friend` };
      const headers = { 'idempotency-key': `${actor.id} once`.replace(' ', '-') };
      const first = await actor.call('POST', path, body, headers);
      expect(first.statusCode).toBe(201);
      expect((await actor.callAt(other, 'POST', path, body, headers)).body).toBe(first.body);
      await actor.demote();
      const again = await actor.callAt(other, 'POST', path, body, headers);
      expect([...answerOf(again), again.json().client_secret]).toEqual([...noLonger, undefined]);
    },
  );

  it('is rolled back if the administrator is demoted meanwhile, and does not delay the demotion [current-rights, Lanyard]', async () => {
    const actor = await anotherAdministrator();
    const held = await holding('SELECT FROM client WHERE client_id = $1 FOR UPDATE', ['jobs-cli']);
    const act = actor.callAt(other, 'PATCH', '/admin/clients/jobs-cli', { client_name: 'Mine' });
    await held.waitedFor(1);
    const demotion = await administrator.call('PATCH', actor.path, { scope: '', default_scope: '' });
    expect(demotion.statusCode).toBe(200);
    await held.release();
    expect(answerOf(await act)).toEqual(noLonger);
    expect((await administrator.call('GET', '/admin/clients/jobs-cli')).json().client_name).not.toBe('Mine');
  });

  it('is rolled back if their token is revoked meanwhile, for example with its secret [current-rights, Lanyard] [lost-rights, Lanyard]', async () => {
    const actor = await anotherAdministrator();
    const [{ secret_id }] = (await administrator.call('GET', `${actor.path}/secrets`)).json().items;
    const held = await holding('SELECT FROM client WHERE client_id = $1 FOR UPDATE', ['jobs-cli']);
    const act = actor.callAt(other, 'POST', '/admin/clients/jobs-cli/secrets', {});
    await held.waitedFor(1);
    expect((await administrator.call('DELETE', `${actor.path}/secrets/${secret_id}`)).statusCode).toBe(204);
    await held.release();
    const answer = await act;
    expect([...answerOf(answer), answer.json().detail]).toEqual([...noLonger, 'the access token was revoked']);
    expect((await administrator.call('GET', '/admin/clients/jobs-cli/secrets')).json().items).toHaveLength(1);
  });

  it('succeeds if it revokes their own token: by itself, with its secret, with all tokens of their client', async () => {
    const acts: ((actor: Awaited<ReturnType<typeof anotherAdministrator>>) => Promise<Parameters<Call>>)[] = [
      async ({ token }) => ['POST', '/admin/revocations', { token }],
      async ({ path }) => {
        const [{ secret_id }] = (await administrator.call('GET', `${path}/secrets`)).json().items;
        return ['DELETE', `${path}/secrets/${secret_id}`];
      },
      async ({ id }) => ['POST', '/admin/revocations', { client_id: id }],
    ];
    for (const act of acts) {
      const actor = await anotherAdministrator();
      const { statusCode } = await actor.call(...(await act(actor)));
      expect([statusCode, await actor.status()]).toEqual([204, 401]);
    }
  });

  it('is rolled back if they try to restore their own scope while they are demoted [current-rights, Lanyard]', async () => {
    const actor = await anotherAdministrator();
    const held = await holding('SELECT FROM client WHERE client_id = $1 FOR UPDATE', [actor.id]);
    const demotion = administrator.call('PATCH', actor.path, { scope: '', default_scope: '' });
    await held.waitedFor(1);
    const acts = [
      actor.callAt(other, 'PATCH', actor.path, { scope: all.join(' ') }),
      actor.callAt(other, 'PATCH', actor.path, { client_name: 'Still me' }),
      actor.callAt(other, 'POST', `${actor.path}/secrets`, {}),
    ];
    await held.waitedFor(4);
    await held.release();
    expect((await demotion).statusCode).toBe(200);
    expect((await Promise.all(acts)).map(answerOf)).toEqual([noLonger, noLonger, noLonger]);
    expect((await administrator.call('GET', actor.path)).json()).toMatchObject({ scope: '', client_name: actor.id });
    expect((await administrator.call('GET', `${actor.path}/secrets`)).json().items).toHaveLength(1);
  });

  it('is rolled back if they lose the scope that they grant meanwhile [current-rights, Lanyard] [own-administrative-scopes, Lanyard]', async () => {
    const actor = await anotherAdministrator();
    const held = await holding('SELECT pg_advisory_xact_lock($1)', [advisoryLocks.resources]);
    const friend = { client_id: `${actor.id}-rotator`, scope: 'keys:rotate' };
    const acts = [
      actor.callAt(other, 'POST', '/admin/clients', friend),
      actor.callAt(one, 'POST', '/admin/registry', { registry: { clients: [friend] } }),
    ];
    await held.waitedFor(2);
    await actor.demote(
      `scope = array_remove(scope, 'keys:rotate'), default_scope = array_remove(scope, 'keys:rotate')`,
    );
    await held.release();
    expect((await Promise.all(acts)).map(answerOf)).toEqual([noLonger, noLonger]);
    expect((await administrator.call('GET', `/admin/clients/${friend.client_id}`)).statusCode).toBe(404);
  });

  it('succeeds for only one of two administrators who demote each other at two replicas [current-rights, Lanyard]', async () => {
    for (let round = 0; round < 5; round++) {
      const [first, second] = [await anotherAdministrator(), await anotherAdministrator()];
      const statuses = (
        await Promise.all([
          first.callAt(one, 'PATCH', second.path, { scope: '', default_scope: '' }),
          second.callAt(other, 'PATCH', first.path, { scope: '', default_scope: '' }),
        ])
      ).map(({ statusCode }) => statusCode);
      const scopes = await rows(
        'SELECT cardinality(scope) AS scopes FROM client WHERE client_id = ANY($1) ORDER BY scopes',
        [[first.id, second.id]],
      );
      expect(statuses.filter((status) => status === 200)).toHaveLength(1);
      expect(scopes).toEqual([{ scopes: 0 }, { scopes: all.length }]);
    }
  });

  it('succeeds if it gives up their own scope', async () => {
    const actor = await anotherAdministrator();
    const less = { scope: 'audit:read', default_scope: 'audit:read' };
    expect((await actor.call('PATCH', actor.path, less)).statusCode).toBe(200);
    expect(await actor.status()).toBe(401);
    expect(await actor.tokenWith()).toBeDefined();
  });
});

describe('a client that loses an administrative scope', () => {
  const eventsOf = async (clientId: string) =>
    (await administrator.call('GET', `/admin/audit?type=access_token.revoked&client_id=${clientId}`)).json().items;
  const call: Call = (...request) => administrator.call(...request);
  const fewer = all.filter((value) => value !== 'keys:rotate').join(' ');
  let actor: Awaited<ReturnType<typeof anotherAdministrator>>;
  beforeEach(async () => {
    actor = await anotherAdministrator();
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a change', () => call('PATCH', actor.path, { scope: fewer, default_scope: fewer })],
    [
      'a registry that is applied',
      () => call('POST', '/admin/registry', { registry: { clients: [{ client_id: actor.id, scope: fewer }] } }),
    ],
    [
      'the file of the migration step',
      async () => {
        const { mkdtempSync, writeFileSync } = await import('node:fs');
        const { tmpdir } = await import('node:os');
        const file = `${mkdtempSync(`${tmpdir()}/lanyard-`)}/lanyard.yaml`;
        writeFileSync(file, `clients:\n  - client_id: ${actor.id}\n    scope: ${fewer}\n`);
        return database.migrateAgain({ PROVISIONING_FILE: file });
      },
    ],
  ])('loses its tokens, by %s [lost-rights, Lanyard]', async (_, act) => {
    expect([await actor.status(one), await actor.status(other)]).toEqual([200, 200]);
    await act();
    for (const app of [one, other]) {
      for (let i = 0; i < 200 && (await actor.status(app)) !== 401; i++) await sleep(5);
      expect(await actor.status(app)).toBe(401);
    }
    expect(await eventsOf(actor.id)).toMatchObject([{ details: { lost_scope: 'keys:rotate' } }]);
  });

  it('keeps its tokens through any other change', async () => {
    await call('PATCH', actor.path, { scope: `${all.join(' ')} jobs:read` });
    await call('PATCH', actor.path, { scope: all.join(' '), default_scope: 'audit:read', client_name: 'Another' });
    expect([await actor.status(), await eventsOf(actor.id)]).toEqual([200, []]);
  });
});

describe('revocation by an administrator with less scope', () => {
  const beyond = [403, 'urn:lanyard:problem:beyond-own-scope'];
  const jtiOf = (token: string) => decodeJwt(token).jti;

  it('ends no token of an administrator with more scope [own-administrative-scopes, Lanyard]', async () => {
    const [higher, revoker] = [await anotherAdministrator(), await anotherAdministrator('tokens:revoke')];
    const [{ secret_id }] = (await administrator.call('GET', `${higher.path}/secrets`)).json().items;
    for (const body of [
      { token: higher.token },
      { jti: jtiOf(higher.token) },
      { client_id: higher.id },
      { secret_id },
    ]) {
      expect([body, ...answerOf(await revoker.call('POST', '/admin/revocations', body))]).toEqual([body, ...beyond]);
    }
    expect(await higher.status()).toBe(200);
  });

  it('ends tokens of clients without administrative scopes, and of administrators with the same scope', async () => {
    const [equal, revoker] = [await anotherAdministrator('tokens:revoke'), await anotherAdministrator('tokens:revoke')];
    const authorization = basic('batch-processor', database.secretOf('batch-processor'));
    const { access_token: token } = (
      await postToken(one, { grant_type: 'client_credentials' }, { authorization })
    ).json();
    for (const body of [{ token }, { token: equal.token }]) {
      expect((await revoker.call('POST', '/admin/revocations', body)).statusCode).toBe(204);
    }
    expect((await equal.call('GET', '/admin/revocations')).statusCode).toBe(401);
  });

  it('needs all administrative scopes for a jti, which does not say whose token it is', async () => {
    const actor = await anotherAdministrator();
    expect((await actor.call('POST', '/admin/revocations', { jti: jtiOf(actor.token) })).statusCode).toBe(204);
    expect(await actor.status()).toBe(401);
  });
});
