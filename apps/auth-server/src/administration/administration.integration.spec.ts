import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { verifyChain, type AuditEvent } from '@lanyard/administration';
import { AccessRules } from '@lanyard/resource-server';
import { faultsOfDocument } from '@lanyard/service-defaults/openapi.fixture';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { administratorOf, basic, postToken, provisionedDatabase } from '../auth-server.fixture.ts';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let app: NestFastifyApplication;
let logs: string[];
let administrator: Awaited<ReturnType<typeof administratorOf>>;

beforeAll(async () => {
  database = await provisionedDatabase();
  ({ app, logs } = await database.startReplica());
  administrator = await administratorOf(app, database);
});
afterAll(async () => {
  await app.close();
  await database.owner.end();
});

const grant = { grant_type: 'client_credentials' };
const tokenOf = (clientId: string, secret: string) => postToken(app, grant, { authorization: basic(clientId, secret) });
const eventsOf = async (query: string): Promise<AuditEvent[]> =>
  (await administrator.call('GET', `/admin/audit?limit=1000&${query}`)).json().items;
const example = { client_id: 'example', client_name: 'Example', scope: 'jobs:read', default_scope: 'jobs:read' };
let count = 0;
/** Creates a separate client for a test. */
async function aClient(more: object = {}) {
  const client = { ...example, client_id: `example-${++count}`, ...more };
  const response = await administrator.call('POST', '/admin/clients', client);
  expect(response.statusCode).toBe(201);
  return { ...response.json(), path: `/admin/clients/${client.client_id}` };
}

/** The responses to a page of this origin: to its preflight, and to the request itself, which has no secret. */
async function askFromPage(server: NestFastifyApplication, origin: string, url = '/oauth/token') {
  const preflight = {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization',
  };
  const before = await server.inject({ method: 'OPTIONS', url, headers: preflight });
  const asked = await server.inject({ method: 'POST', url, headers: { origin } });
  return [before, asked].map(({ statusCode, headers }) => [statusCode, headers['access-control-allow-origin']]);
}
const closedToPages = [
  [405, undefined],
  [401, undefined],
];

describe('access to the administration API', () => {
  const routes = [
    ['POST', '/admin/clients', 'clients:write'],
    ['GET', '/admin/clients', 'clients:read'],
    ['GET', '/admin/clients/jobs-api', 'clients:read'],
    ['PATCH', '/admin/clients/jobs-api', 'clients:write'],
    ['POST', '/admin/clients/jobs-api/disable', 'clients:write'],
    ['POST', '/admin/clients/jobs-api/enable', 'clients:write'],
    ['DELETE', '/admin/clients/jobs-api', 'clients:write'],
    ['GET', '/admin/clients/jobs-api/secrets', 'clients:read'],
    ['POST', '/admin/clients/jobs-api/secrets', 'clients:write'],
    ['DELETE', '/admin/clients/jobs-api/secrets/7f1b3d1e-0000-4000-8000-000000000000', 'clients:write'],
    ['GET', '/admin/resources', 'clients:read'],
    ['GET', '/admin/resources/https%3A%2F%2Fa.example', 'clients:read'],
    ['PUT', '/admin/resources/https%3A%2F%2Fa.example', 'clients:write'],
    ['DELETE', '/admin/resources/https%3A%2F%2Fa.example', 'clients:write'],
    ['POST', '/admin/registry', 'clients:write'],
    ['GET', '/admin/keys', 'keys:read'],
    ['POST', '/admin/keys/rotate', 'keys:rotate'],
    ['POST', '/admin/keys/reencrypt', 'keys:rotate'],
    ['POST', '/admin/keys/a-kid/withdraw', 'keys:rotate'],
    ['POST', '/admin/revocations', 'tokens:revoke'],
    ['GET', '/admin/revocations', 'tokens:revoke'],
    ['GET', '/admin/audit', 'audit:read'],
    ['GET', '/admin/diagnosis', 'clients:read keys:read'],
  ] as const;

  it('is tested for every route [declared-access, Lanyard]', () => {
    const declared = app
      .get(AccessRules)
      .all()
      .filter(({ rule }) => rule && 'scopes' in rule);
    expect(declared).toHaveLength(routes.length);
    expect(app.get(AccessRules).undeclared()).toEqual([]);
  });

  it.each(routes)(
    'refuses %s %s without %s, and without a token [insufficient-scope, RFC 6750 §3.1]',
    async (method, url, scope) => {
      const others = 'clients:read clients:write keys:read keys:rotate audit:read'
        .split(' ')
        .filter((value) => !scope.split(' ').includes(value));
      const token = await administrator.tokenFor(others.join(' '));
      const body = method === 'GET' || method === 'DELETE' ? undefined : {};
      const refused = await administrator.call(method, url, body, {}, token);
      expect([refused.statusCode, refused.json().error, refused.headers['cache-control']]).toEqual([
        403,
        'insufficient_scope',
        'no-store',
      ]);
      expect(refused.headers['www-authenticate']).toContain(`scope="${scope}"`);
      const bare = await app.inject({ method, url });
      expect(bare.statusCode).toBe(401);
      expect(bare.headers['www-authenticate']).toContain(
        'resource_metadata="http://localhost:3000/.well-known/oauth-protected-resource/admin"',
      );
    },
  );

  it('refuses a token for another resource [audience, RFC 9068 §4]', async () => {
    const jobs = await postToken(app, grant, {
      authorization: basic('batch-processor', database.secretOf('batch-processor')),
    });
    const response = await administrator.call('GET', '/admin/clients', undefined, {}, jobs.json().access_token);
    expect([response.statusCode, response.json().error]).toEqual([401, 'invalid_token']);
  });

  it('serves its description only if API_DOCS is set [api-docs-off, Lanyard]', async () => {
    const { app: replica } = await database.startReplica({ API_DOCS: undefined });
    for (const path of ['/docs', '/docs-json', '/docs/swagger-ui.css']) {
      expect([path, (await replica.inject(path)).statusCode]).toEqual([path, 404]);
    }
    expect(await askFromPage(replica, 'http://localhost:3002')).toEqual(closedToPages);
    await replica.close();
  });

  it('lets only API pages of protected resources request access tokens [closed-cors, Lanyard]', async () => {
    expect(await askFromPage(app, 'http://localhost:3002')).toEqual([
      [204, 'http://localhost:3002'],
      [401, 'http://localhost:3002'],
    ]);
    for (const origin of ['http://localhost:30020', 'https://elsewhere.example', 'null']) {
      expect([origin, await askFromPage(app, origin)]).toEqual([origin, closedToPages]);
    }
    expect((await askFromPage(app, 'http://localhost:3002', '/admin/clients')).map(([, opened]) => opened)).toEqual([
      undefined,
      undefined,
    ]);
  });

  it('describes itself [resource-metadata, RFC 9728 §2]', async () => {
    const document = (await app.inject('/docs-json')).json();
    const described = Object.entries<object>(document.paths).flatMap(([path, item]) =>
      path.startsWith('/admin/') ? Object.keys(item) : [],
    );
    expect(described).toHaveLength(routes.length);
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/oauth/token', '/oauth/introspect', '/oauth/revoke', '/oauth/revocations']),
    );
    expect(document.paths['/oauth/token'].post.security).toEqual([{ client_secret_basic: [] }]);
    expect(document.paths['/admin/clients'].post.security).toEqual([{ access_token: ['clients:write'] }]);
    expect(await faultsOfDocument(document)).toEqual([]);
    expect((await app.inject('/docs')).statusCode).toBe(200);
    expect((await app.inject('/.well-known/oauth-protected-resource/admin')).json()).toMatchObject({
      resource: 'http://localhost:3000/admin',
      scopes_supported: ['audit:read', 'clients:read', 'clients:write', 'keys:read', 'keys:rotate', 'tokens:revoke'],
    });
  });

  it('records refusals in the audit log, combined into one event [refusals-are-audited, Lanyard]', async () => {
    const { app: replica } = await database.startReplica();
    const token = await administrator.tokenFor('keys:read');
    for (let i = 0; i < 3; i++) {
      await replica.inject({
        method: 'POST',
        url: '/admin/keys/rotate',
        headers: { authorization: `Bearer ${token}` },
      });
    }
    await replica.inject({ url: '/admin/audit', remoteAddress: '192.0.2.7' });
    await replica.close();
    const [known] = await eventsOf('type=administration.refused&actor=administrator&order=newest');
    expect(known).toMatchObject({ count: 3, outcome: 'refused', details: { route: 'POST /admin/keys/rotate' } });
    const unknown = (await eventsOf('type=administration.refused')).find(({ address }) => address === '192.0.2.7');
    expect(unknown).toMatchObject({ actor: null, details: { route: 'GET /admin/audit', status: 401 } });
  });

  it('records each act in the audit log: what, by whom, from where [acts-are-audited, Lanyard]', async () => {
    const { client_id, client_secret, path } = await aClient();
    const [{ secret_id }] = (await administrator.call('GET', `${path}/secrets`)).json().items;
    const resource = '/admin/resources/https%3A%2F%2Facts.example';
    const registry = { clients: [{ client_id: 'acts', client_name: 'Applied' }] };
    const acts: [Parameters<typeof administrator.call>[0], string, object | undefined, string][] = [
      ['POST', '/admin/clients', { client_id: 'acts' }, 'client.created'],
      ['PATCH', path, { client_name: 'Other' }, 'client.changed'],
      ['POST', `${path}/disable`, {}, 'client.disabled'],
      ['POST', `${path}/enable`, {}, 'client.enabled'],
      ['POST', `${path}/secrets`, {}, 'secret.added'],
      ['DELETE', `${path}/secrets/${secret_id}`, undefined, 'secret.removed'],
      ['POST', '/admin/revocations', { client_id }, 'access_token.revoked'],
      ['DELETE', path, undefined, 'client.deleted'],
      ['PUT', resource, { name: 'Acts', scopes: {} }, 'resource.created'],
      ['DELETE', resource, undefined, 'resource.deleted'],
      ['POST', '/admin/registry', { registry }, 'client.changed'],
      ['POST', '/admin/keys/rotate', {}, 'signing_key.announced'],
      ['POST', '/admin/keys/reencrypt', undefined, 'signing_keys.reencrypted'],
      ['POST', '/admin/keys/announced/withdraw', undefined, 'signing_key.withdrawn'],
    ];
    expect(acts).toHaveLength(routes.filter(([method]) => method !== 'GET').length);
    for (const [method, url, body, type] of acts) {
      const { items } = (await administrator.call('GET', '/admin/keys')).json();
      const { headers } = await administrator.call(method, url.replace('announced', items[0].kid), body);
      const events = (await eventsOf('order=newest')).filter((event) => event.request_id === headers['x-request-id']);
      const expected = { type, actor: 'administrator', address: '127.0.0.1', outcome: 'succeeded' };
      expect(events).toContainEqual(expect.objectContaining(expected));
      expect(JSON.stringify(events)).not.toContain(client_secret);
    }
  });
});

describe('clients', () => {
  it('are created with a secret that works at once and appears only in the response [client-metadata, RFC 7591 §2] [client-information-response, RFC 7591 §3.2.1]', async () => {
    const response = await administrator.call('POST', '/admin/clients', example);
    expect(response.statusCode).toBe(201);
    expect(response.headers.location).toBe('/admin/clients/example');
    const { client_secret: secret, ...client } = response.json();
    expect(client).toEqual({
      ...example,
      grant_types: ['client_credentials'],
      resource_server_of: [],
      access_token_lifetime: null,
      tokens_per_minute: null,
      disabled: false,
      client_id_issued_at: expect.any(Number),
      client_secret_expires_at: 0,
      updated_at: expect.any(String),
    });
    expect(Math.abs(client.client_id_issued_at - Date.now() / 1000)).toBeLessThan(60);
    expect((await tokenOf('example', secret)).statusCode).toBe(200);
    const everything = JSON.stringify([
      (await administrator.call('GET', '/admin/clients/example')).json(),
      (await administrator.call('GET', '/admin/clients/example/secrets')).json(),
      await eventsOf(''),
      logs,
      (await database.owner.query('SELECT * FROM client_secret')).rows,
      (await database.owner.query('SELECT * FROM idempotent_answer')).rows,
    ]);
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain(Buffer.from(secret).toString('hex'));
  });

  it('are created once for an Idempotency-Key, with the same answer [idempotent-replay, Lanyard]', async () => {
    const body = { ...example, client_id: 'once' };
    const headers = { 'idempotency-key': 'create-once' };
    const answers = await Promise.all([1, 2, 3].map(() => administrator.call('POST', '/admin/clients', body, headers)));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([201, 201, 201]);
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(answers.filter((answer) => answer.headers['idempotency-replayed'])).toHaveLength(2);
    expect((await tokenOf('once', answers.at(0)?.json().client_secret)).statusCode).toBe(200);
    expect(await eventsOf('type=client.created&client_id=once')).toHaveLength(1);

    const other = await administrator.call('POST', '/admin/clients', { ...body, client_name: 'Other' }, headers);
    expect([other.statusCode, other.json().type]).toEqual([422, 'urn:lanyard:problem:idempotency-key-reused']);
    const again = await administrator.call('POST', '/admin/clients', body);
    expect([again.statusCode, again.json().type]).toEqual([409, 'urn:lanyard:problem:client-exists']);
  });

  it.each([
    ['client_id', { client_id: 'a b' }],
    ['client_id', { client_id: '..' }],
    ['client_id', { client_id: 'lanyard:auth-server' }],
    ['client_id', { client_id: 'http://localhost:3000' }],
    ['client_id', { client_id: 'http://localhost:3000/%61dmin' }],
    ['client_id', { client_id: undefined }],
    ['client_name', { client_name: 'a\u0000b' }],
    ['scope', { scope: 'jobs:read  jobs:write' }],
    ['scope', { scope: 'unheard:of', default_scope: '' }],
    ['default_scope', { default_scope: 'jobs:write' }],
    ['access_token_lifetime', { access_token_lifetime: 3601 }],
    ['tokens_per_minute', { tokens_per_minute: 0 }],
    ['client_name', { client_name: '\ud800' }],
    ['grant_types.0', { grant_types: ['password'] }],
    ['', { colour: 'blue' }],
  ])('are refused with the name of the field: %s', async (field, wrong) => {
    const response = await administrator.call('POST', '/admin/clients', { ...example, client_id: 'wrong', ...wrong });
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(response.json()).toMatchObject({ status: 400, errors: [{ field, message: expect.any(String) }] });
    expect((await administrator.call('GET', '/admin/clients/wrong')).statusCode).toBe(404);
  });

  it.each([['{"a":'], ['[]'], ['null'], ['"x"'], ['{"__proto__": {"x": 1}}'], ['']])(
    'are not created from %s',
    async (payload) => {
      const token = await administrator.tokenFor('clients:write');
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const response = await app.inject({ method: 'POST', url: '/admin/clients', headers, payload });
      expect(response.statusCode).toBe(400);
    },
  );

  it('are refused before a body that is too large is read; a registry may be larger [body-limit, Lanyard]', async () => {
    const large = 'x'.repeat(70_000);
    const refused = await administrator.call('POST', '/admin/clients', { ...example, client_name: large });
    expect([refused.statusCode, refused.json().status]).toEqual([413, 413]);
    const clients = Array.from({ length: 1000 }, (_, i) => ({ client_id: `many-${i}`, client_name: `Number ${i}` }));
    const applied = await administrator.call('POST', '/admin/registry', { registry: { clients }, dry_run: true });
    expect([applied.statusCode, applied.json().changes?.length]).toEqual([200, 1000]);
    const headers = { 'content-type': 'application/json' };
    expect((await app.inject({ method: 'POST', url: '/oauth/token', headers, payload: large })).statusCode).toBe(400);
    expect((await app.inject({ method: 'POST', url: '/admin/nowhere', headers, payload: '{}' })).statusCode).toBe(404);
  });

  it('are changed if If-Match matches, and keep the fields that are left out [merge-patch, RFC 7396] [conditional-requests, RFC 9110 §13.1.1] [acts-are-audited, Lanyard]', async () => {
    const { path, client_id } = await aClient();
    const { etag } = (await administrator.call('GET', path)).headers;
    const change = { scope: 'jobs:read jobs:write', access_token_lifetime: 120 };
    const changed = await administrator.call('PATCH', path, change, { 'if-match': String(etag) });
    expect(changed.statusCode).toBe(200);
    expect(changed.json()).toMatchObject({ client_name: 'Example', default_scope: 'jobs:read', ...change });
    const now = await administrator.call('GET', path);
    expect([now.body, now.headers.etag]).toEqual([changed.body, changed.headers.etag]);

    const late = await administrator.call('PATCH', path, { client_name: 'Late' }, { 'if-match': String(etag) });
    expect([late.statusCode, late.json().type]).toEqual([412, 'urn:lanyard:problem:changed-meanwhile']);
    expect((await administrator.call('DELETE', path, undefined, { 'if-match': String(etag) })).statusCode).toBe(412);
    expect((await administrator.call('PATCH', path, {})).headers.etag).toBe(now.headers.etag);
    expect(await eventsOf(`type=client.changed&client_id=${client_id}`)).toMatchObject([
      {
        actor: 'administrator',
        address: '127.0.0.1',
        request_id: changed.headers['x-request-id'],
        details: {
          scope: { from: 'jobs:read', to: 'jobs:read jobs:write' },
          access_token_lifetime: { from: null, to: 120 },
        },
      },
    ]);
  });

  it('are disabled, enabled and deleted, each at once [acts-are-audited, Lanyard]', async () => {
    const { path, client_id, client_secret } = await aClient();
    const status = async () => (await tokenOf(client_id, client_secret)).statusCode;
    const settled = async (expected: number) => {
      for (let i = 0; i < 2000 && (await status()) !== expected; i++) await new Promise((r) => setTimeout(r, 5));
      return status();
    };
    expect(await status()).toBe(200);
    expect((await administrator.call('POST', `${path}/disable`)).json()).toMatchObject({ disabled: true });
    expect(await settled(401)).toBe(401);
    expect((await administrator.call('POST', `${path}/disable`)).statusCode).toBe(200);
    await administrator.call('POST', `${path}/enable`);
    expect(await settled(200)).toBe(200);
    expect((await administrator.call('DELETE', path)).statusCode).toBe(204);
    expect(await settled(401)).toBe(401);
    expect((await administrator.call('DELETE', path)).statusCode).toBe(404);
    const types = (await eventsOf(`client_id=${client_id}&outcome=succeeded`)).map(({ type }) => type);
    expect(types.filter((type) => type !== 'access_token.issued')).toEqual([
      'client.created',
      'secret.added',
      'client.disabled',
      'client.enabled',
      'client.deleted',
    ]);
  });

  it('are listed in pages, and found by part of their name, by scope and by state', async () => {
    await database.owner.query(`
      INSERT INTO client (client_id, client_name, grant_types, scope, default_scope)
        SELECT 'page-' || lpad(i::text, 3, '0'), 'Page ' || i || '%', '{client_credentials}', '{runs:write}', '{}'
        FROM generate_series(1, 120) i`);
    const found: string[] = [];
    for (let next: string | null = '/admin/clients?q=PAGE-&limit=50'; next;) {
      const page: { items: { client_id: string }[]; next: string | null } = (
        await administrator.call('GET', next)
      ).json();
      found.push(...page.items.map(({ client_id }) => client_id));
      next = page.next;
    }
    expect(found).toEqual(Array.from({ length: 120 }, (_, i) => `page-${String(i + 1).padStart(3, '0')}`));
    const ids = async (query: string) =>
      (await administrator.call('GET', `/admin/clients?limit=1000&${query}`))
        .json()
        .items.map(({ client_id }: { client_id: string }) => client_id);
    expect(await ids('q=7%25')).toHaveLength(12);
    expect(await ids('q=_')).toEqual([]);
    expect(await ids('scope=runs:write&q=page-11')).toHaveLength(10);
    expect(await ids('scope=reports:read')).toEqual(['report-generator']);
    await administrator.call('POST', '/admin/clients/page-007/disable');
    expect(await ids('disabled=true')).toEqual(['page-007']);
    const wrong = await administrator.call('GET', '/admin/clients?limit=0&colour=blue');
    expect(wrong.statusCode).toBe(400);
    await database.owner.query(`DELETE FROM client WHERE client_id LIKE 'page-%'`);
  });

  it('cannot lock themselves out, nor grant scopes that they do not have [own-administrative-scopes, Lanyard]', async () => {
    const own = '/admin/clients/administrator';
    expect((await administrator.call('DELETE', own)).statusCode).toBe(409);
    expect((await administrator.call('POST', `${own}/disable`)).statusCode).toBe(409);
    const writer = await administrator.tokenFor('clients:write');
    const as = (method: 'POST' | 'PATCH' | 'DELETE', url: string, body?: object) =>
      administrator.call(method, url, body, {}, writer);
    const beyond = [403, 'urn:lanyard:problem:beyond-own-scope'];
    for (const response of [
      await as('POST', '/admin/clients', { client_id: 'rotator', scope: 'keys:rotate' }),
      await as('PATCH', '/admin/clients/jobs-api', { scope: 'keys:rotate' }),
      await as('POST', `${own}/secrets`, {}),
      await as('PATCH', own, { client_name: 'Mine' }),
      await as('POST', '/admin/registry', { registry: { clients: [{ client_id: 'x', scope: 'audit:read' }] } }),
    ]) {
      expect([response.statusCode, response.json().type]).toEqual(beyond);
    }
    expect((await as('POST', '/admin/clients', { client_id: 'writer', scope: 'clients:write' })).statusCode).toBe(201);
  });
});

describe('the first administrator', () => {
  it('gets in with a secret that works once, on any replica', async () => {
    const fresh = await provisionedDatabase({ LOG_LEVEL: 'silent' });
    expect(fresh.output.join('\n')).toMatch(
      /client administrator: a one-time secret is in .*one_time_secret, valid until /,
    );
    const replicas = await Promise.all([fresh.startReplica(), fresh.startReplica()]);
    const { readFileSync } = await import('node:fs');
    const file = `${fresh.settings.SECRETS_DIRECTORY}/administrator/one_time_secret`;
    const headers = () => ({ authorization: basic('administrator', readFileSync(file, 'utf8')) });
    const attempts = await Promise.all(
      [...replicas, ...replicas, ...replicas].map((replica) => postToken(replica.app, grant, headers())),
    );
    expect(attempts.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([
      200, 401, 401, 401, 401, 401,
    ]);
    // The migration step issues another one only while no administrator has a live secret.
    expect(await fresh.migrateAgain()).toEqual([expect.stringContaining('a one-time secret is in')]);
    expect(await fresh.migrateAgain()).toEqual([]);
    const administrator = await administratorOf(replicas[0].app, fresh);
    expect((await administrator.call('GET', '/admin/keys')).statusCode).toBe(200);
    const events = (await administrator.call('GET', '/admin/audit?type=secret.consumed')).json().items;
    expect(events).toHaveLength(2);
    expect(await fresh.migrateAgain()).toEqual([]);
    await Promise.all(replicas.map(({ app }) => app.close()));
    await fresh.owner.end();
  });
});

describe('a client that is made the administrator', () => {
  it.each([
    ['was registered by others under that name', `scope = '{jobs:read}', default_scope = '{}'`],
    ['was disabled', 'disabled_at = now()'],
  ])('does not accept an earlier secret, if it %s [reserved-identifiers, Lanyard]', async (_, columns) => {
    const fresh = await provisionedDatabase({ LOG_LEVEL: 'silent' });
    const { app: replica } = await fresh.startReplica();
    const { secret } = await administratorOf(replica, fresh);
    await fresh.owner.query(`UPDATE client SET ${columns} WHERE client_id = 'administrator'`);
    expect(await fresh.migrateAgain()).toEqual([expect.stringContaining('a one-time secret is in')]);
    const { app: next } = await fresh.startReplica();
    const authorization = basic('administrator', secret);
    expect((await postToken(next, { ...grant, scope: 'keys:rotate' }, { authorization })).statusCode).toBe(401);
    const { call } = await administratorOf(next, fresh);
    const removed = (await call('GET', '/admin/audit?type=secret.removed')).json().items;
    expect(removed).toMatchObject([{ actor: 'lanyard:migration', client_id: 'administrator' }]);
    await Promise.all([replica.close(), next.close()]);
    await fresh.owner.end();
  });
});

describe('the audit log', () => {
  it('is a chain that reveals a row that was changed, removed or inserted [audit-is-append-only, Lanyard]', async () => {
    const read = () => eventsOf('');
    const whole = await verifyChain(await read());
    expect(whole).toMatchObject({ events: expect.any(Number), head: { sequence: whole.events } });
    expect(whole.broken).toBeUndefined();
    const { head } = whole;
    await database.owner.query('BEGIN');
    await database.owner.query(`UPDATE audit_event SET actor = 'nobody' WHERE sequence = 5`);
    expect((await verifyChain(await rows())).broken).toEqual({
      sequence: 5,
      reason: 'it was changed after it was written',
    });
    await database.owner.query('ROLLBACK');
    const events = await read();
    expect((await verifyChain(events.filter(({ sequence }) => sequence !== 3))).broken?.sequence).toBe(4);
    expect((await verifyChain(events.slice(1))).broken?.reason).toBe('the events before it are missing');
    expect((await verifyChain(events.slice(0, -1), head)).broken).toMatchObject({ reason: expect.any(String) });
    await administrator.call('PUT', '/admin/resources/https%3A%2F%2Faudit.example', { name: 'A', scopes: {} });
    expect((await verifyChain(await read(), head)).broken).toBeUndefined();
  });

  /** The events as the API returns them, read within the owner's transaction. */
  async function rows(): Promise<AuditEvent[]> {
    const { rows: found } = await database.owner.query('SELECT * FROM audit_event ORDER BY sequence');
    return found.map((row) => ({
      ...row,
      sequence: Number(row.sequence),
      occurred_at: row.occurred_at.toISOString(),
    }));
  }

  it('cannot be rewritten by the service [audit-is-append-only, Lanyard] [least-privilege-roles, Lanyard]', async () => {
    const { default: pg } = await import('pg');
    const service = new pg.Client({ connectionString: database.settings.DATABASE_URL });
    await service.connect();
    await expect(service.query('UPDATE audit_event SET actor = NULL')).rejects.toThrow('append-only');
    await expect(service.query('DELETE FROM audit_event')).rejects.toThrow('append-only');
    await expect(service.query('TRUNCATE audit_event')).rejects.toThrow('permission denied');
    // Temporary tables that shadow those of the catalog do not help either.
    await database.owner.query(`GRANT TEMPORARY ON DATABASE "${database.name}" TO "${database.name}_service"`);
    await service.query('CREATE TEMP TABLE pg_class (oid oid, relowner oid)');
    await service.query(
      `INSERT INTO pg_temp.pg_class SELECT 'audit_event'::regclass, oid FROM pg_roles WHERE rolname = current_user`,
    );
    await expect(service.query('DELETE FROM audit_event')).rejects.toThrow('append-only');
    await service.query('CREATE TEMP TABLE audit_event (LIKE public.audit_event)');
    await service.query(`INSERT INTO pg_temp.audit_event SELECT * FROM public.audit_event`);
    expect((await service.query('SELECT * FROM prune_audit_events(now())')).rows).toEqual([]);
    expect((await service.query('SELECT count(*)::int FROM pg_temp.audit_event')).rows[0].count).toBeGreaterThan(0);
    await service.end();
  });

  it('combines issued tokens into one event, and keeps them when a replica stops [refusals-are-audited, Lanyard]', async () => {
    const { client_id, client_secret } = await aClient();
    const { app: replica } = await database.startReplica();
    for (let i = 0; i < 25; i++) {
      await postToken(replica, grant, { authorization: basic(client_id, client_secret) });
    }
    await postToken(replica, grant, { authorization: basic(client_id, 'wrong') });
    await replica.close();
    expect(await eventsOf(`client_id=${client_id}&type=access_token.issued`)).toMatchObject([
      { count: 25, details: { scope: 'jobs:read', audience: 'http://localhost:3002', first: expect.any(String) } },
    ]);
    expect(await eventsOf(`client_id=${client_id}&type=client_authentication.refused`)).toMatchObject([
      {
        count: 1,
        outcome: 'refused',
        actor: null,
        address: '127.0.0.1',
        details: { reason: 'wrong or expired secret' },
      },
    ]);
    const [secret] = (await administrator.call('GET', `/admin/clients/${client_id}/secrets`)).json().items;
    expect(secret).toMatchObject({ use_count: 25, last_used_at: expect.any(String) });
  });

  it('is read by type, actor, client, time and page', async () => {
    const newest = (await administrator.call('GET', '/admin/audit?order=newest&limit=2')).json();
    expect(newest.items[0].sequence).toBe(newest.items[1].sequence + 1);
    const next = (await administrator.call('GET', newest.next)).json();
    expect(next.items[0].sequence).toBe(newest.items[1].sequence - 1);
    const now = new Date().toISOString();
    expect(await eventsOf(`since=${now}`)).toEqual([]);
    expect((await eventsOf(`until=${now}&type=secret.consumed`)).length).toBeGreaterThan(0);
    expect((await administrator.call('GET', '/admin/audit?type=nothing&since=yesterday')).json().errors).toMatchObject([
      { field: 'type' },
      { field: 'since' },
    ]);
  });

  it('is kept for as long as configured, and records what it dropped', async () => {
    const { Housekeeping } = await import('../housekeeping/housekeeping.ts');
    await database.owner.query(`UPDATE audit_event SET occurred_at = now() - interval '400 days' WHERE sequence <= 4`);
    await app.get(Housekeeping).tidy();
    const events = await eventsOf('');
    expect(events[0]?.sequence).toBe(5);
    expect(events.at(-1)).toMatchObject({ type: 'audit.pruned', details: { through_sequence: 4, events: 4 } });
    expect((await verifyChain(events)).broken).toBeUndefined();
    expect((await verifyChain(events.slice(0, -1))).broken?.reason).toBe('the events before it are missing');
    await app.get(Housekeeping).tidy();
    expect(await eventsOf('type=audit.pruned')).toHaveLength(1);
  });
});
