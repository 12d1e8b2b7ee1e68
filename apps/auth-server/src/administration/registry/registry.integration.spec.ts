import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { administratorOf, basic, callOAuth, postToken, provisionedDatabase } from '../../auth-server.fixture.ts';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let app: NestFastifyApplication;
let call: Awaited<ReturnType<typeof administratorOf>>['call'];
let tokenFor: Awaited<ReturnType<typeof administratorOf>>['tokenFor'];

beforeAll(async () => {
  database = await provisionedDatabase({ LOG_LEVEL: 'silent' });
  ({ app } = await database.startReplica());
  ({ call, tokenFor } = await administratorOf(app, database));
});
afterAll(async () => {
  await app.close();
  await database.owner.end();
});

const apply = async (registry: object, options: object = {}) =>
  call('POST', '/admin/registry', { registry, ...options });
/** The current registry, in the form of a file. */
async function current() {
  const resources = (await call('GET', '/admin/resources')).json().items;
  const { items } = (await call('GET', '/admin/clients?limit=1000')).json();
  const clients = items
    .filter(({ client_id }: { client_id: string }) => client_id !== 'administrator')
    .map(({ client_id_issued_at: _1, updated_at: _2, ...client }: Record<string, unknown>) => client);
  return { resources, clients };
}
const fileWith = (text: string) => {
  const path = join(mkdtempSync(join(tmpdir(), 'lanyard-')), 'lanyard.yaml');
  writeFileSync(path, text);
  return path;
};
const everything = async () => JSON.stringify((await database.owner.query('SELECT * FROM client ORDER BY 1')).rows);

describe('a registry that is applied', () => {
  it('changes nothing if the registry already matches', async () => {
    const before = await everything();
    const answer = (await apply(await current(), { prune: true })).json();
    expect(answer).toEqual({ applied: true, changes: [], without_secret: [] });
    expect(await everything()).toBe(before);
  });

  it('is reported, but not applied, in a dry run', async () => {
    const before = await everything();
    const registry = {
      resources: [{ identifier: 'https://a.example', name: 'A', scopes: { 'a:read': 'Read' } }],
      clients: [{ client_id: 'fresh', scope: 'a:read' }],
    };
    const planned = (await apply(registry, { dry_run: true })).json();
    expect(planned).toEqual({
      applied: false,
      changes: [
        {
          action: 'create',
          kind: 'resource',
          id: 'https://a.example',
          fields: [
            { field: 'name', from: null, to: 'A' },
            { field: 'scopes', from: null, to: { 'a:read': 'Read' } },
            { field: 'access_token_lifetime', from: null, to: null },
            { field: 'access_token_typ', from: null, to: 'at+jwt' },
          ],
        },
        {
          action: 'create',
          kind: 'client',
          id: 'fresh',
          fields: [
            { field: 'grant_types', from: null, to: ['client_credentials'] },
            { field: 'scope', from: null, to: 'a:read' },
            { field: 'default_scope', from: null, to: '' },
            { field: 'resource_server_of', from: null, to: [] },
            { field: 'access_token_lifetime', from: null, to: null },
            { field: 'tokens_per_minute', from: null, to: null },
            { field: 'client_name', from: null, to: 'fresh' },
            { field: 'disabled', from: null, to: false },
          ],
        },
      ],
      without_secret: ['fresh'],
    });
    expect(await everything()).toBe(before);
    expect((await apply(registry)).json()).toEqual({ ...planned, applied: true });
    expect((await apply(registry)).json().changes).toEqual([]);
  });

  it('is applied as a whole or not at all', async () => {
    const before = await current();
    // The scope would be deleted with its resource, but the administrator has it.
    await call('PATCH', '/admin/clients/administrator', {
      scope: 'clients:read clients:write keys:read keys:rotate tokens:revoke audit:read a:read',
    });
    const refused = await apply({ clients: [{ client_id: 'half' }] }, { prune: true });
    expect([refused.statusCode, refused.json().type]).toEqual([409, 'urn:lanyard:problem:scope-in-use']);
    expect(await current()).toEqual(before);
    await call('PATCH', '/admin/clients/administrator', {
      scope: 'clients:read clients:write keys:read keys:rotate tokens:revoke audit:read',
    });
  });

  it('deletes only with prune, and never a client that may administer', async () => {
    const registry = { resources: [{ identifier: 'https://b.example', name: 'B', scopes: { 'b:read': 'Read' } }] };
    expect((await apply(registry)).json().changes).toHaveLength(1);
    expect((await current()).clients.length).toBeGreaterThan(3);
    const { changes } = (await apply(registry, { prune: true })).json();
    expect(changes.map(({ action, id }: { action: string; id: string }) => `${action} ${id}`)).toContain(
      'delete jobs-api',
    );
    const defaults = { access_token_lifetime: null, access_token_typ: 'at+jwt' };
    expect(await current()).toEqual({ resources: [{ ...registry.resources[0], ...defaults }], clients: [] });
    expect((await call('GET', '/admin/clients/administrator')).statusCode).toBe(200);
    const deleted = (await call('GET', '/admin/audit?type=client.deleted')).json().items;
    expect(deleted.map(({ client_id }: { client_id: string }) => client_id)).toContain('jobs-api');
    await database.migrateAgain();
  });

  it('moves a scope from one resource to another', async () => {
    await apply({ resources: [{ identifier: 'https://c.example', name: 'C', scopes: { 'b:read': 'Read' } }] });
    const resources = (await current()).resources.filter(({ identifier }: { identifier: string }) =>
      /[bc]\.example/.test(identifier),
    );
    expect(resources.map(({ scopes }: { scopes: object }) => scopes)).toEqual([{}, { 'b:read': 'Read' }]);
  });

  it.each([
    ['an unknown scope', { clients: [{ client_id: 'x', scope: 'nobody:has' }] }, 'registry.clients.0.scope'],
    [
      'an administrative scope of a resource',
      { resources: [{ identifier: 'https://x.example', name: 'X', scopes: { 'keys:read': 'x' } }] },
      'registry.resources.0.scopes.keys:read',
    ],
    ['an unknown key', { client: [] }, 'registry'],
  ])('is refused with %s', async (_, registry, field) => {
    const response = await apply(registry);
    expect([response.statusCode, response.json().errors?.[0].field]).toEqual([400, field]);
  });
});

describe('an identifier of the authorization server itself', () => {
  const issuer = 'http://localhost:3000';
  const own = `${issuer}/admin`;

  it.each([own, `${own}/`, `${own}?x`, `${issuer}//admin`, `${issuer}/%61dmin/x`, issuer, `${issuer}/oauth/token`])(
    'cannot be registered: %s [reserved-identifiers, Lanyard]',
    async (identifier) => {
      const description = { name: 'Mine', scopes: { 'mine:read': 'Read' } };
      const put = await call('PUT', `/admin/resources/${encodeURIComponent(identifier)}`, description);
      expect([put.statusCode, put.json().errors?.[0].field]).toEqual([400, 'identifier']);
      const applied = await apply({ resources: [{ identifier, ...description }] });
      expect([applied.statusCode, applied.json().errors?.[0].field]).toEqual([400, 'registry.resources.0.identifier']);
      const server = { client_id: 'spy', resource_server_of: [identifier] };
      const created = await call('POST', '/admin/clients', server);
      expect([created.statusCode, created.json().errors?.[0].field]).toEqual([400, 'resource_server_of.0']);
      const changed = await call('PATCH', '/admin/clients/jobs-api', { resource_server_of: [identifier] });
      expect([changed.statusCode, changed.json().errors?.[0].field]).toEqual([400, 'resource_server_of.0']);
      const file = fileWith(`resources:\n  - { identifier: '${identifier}', name: Mine, scopes: {} }\n`);
      await expect(database.migrateAgain({ PROVISIONING_FILE: file })).rejects.toThrow(
        `lanyard.yaml:2: resources.0.identifier: ${identifier} belongs to the authorization server itself`,
      );
      expect((await current()).resources.filter(({ name }: { name: string }) => name === 'Mine')).toEqual([]);
    },
  );

  it('is not one of another server, or of a service beside this one', async () => {
    for (const identifier of ['https://localhost:3000/admin', `${issuer}/administration`, `${issuer}/jobs`]) {
      const path = `/admin/resources/${encodeURIComponent(identifier)}`;
      expect((await call('PUT', path, { name: 'Other', scopes: {} })).statusCode).toBe(201);
      expect((await call('DELETE', path)).statusCode).toBe(204);
    }
  });

  it('has no effect in a row that is older than the reservation, and is reported until the row is deleted [reserved-identifiers, Lanyard]', async () => {
    const { client_secret: secret } = (
      await call('POST', '/admin/clients', { client_id: 'spy', scope: 'jobs:read' })
    ).json();
    await database.owner.query(`INSERT INTO protected_resource VALUES ('${own}', 'Mine')`);
    await database.owner.query(`INSERT INTO scope VALUES ('mine:read', '${own}', 'Read')`);
    await database.owner.query(
      `UPDATE client SET resource_server_of = '{${own}}', scope = '{mine:read}' WHERE client_id = 'spy'`,
    );
    const { app: replica, logs } = await database.startReplica({ LOG_LEVEL: 'info' });
    const authorization = basic('spy', secret);
    const token = await tokenFor('audit:read');
    for (const at of [app, replica]) {
      const introspected = await callOAuth(at, '/oauth/introspect', { form: { token }, authorization });
      expect([introspected.statusCode, introspected.json().error]).toEqual([400, 'unauthorized_client']);
      const form = { grant_type: 'client_credentials', scope: 'mine:read' };
      expect((await postToken(at, form, { authorization })).json().error).toBe('invalid_scope');
    }
    for (let i = 0; i < 100 && !logs.join('').includes('reserved'); i++) await sleep(20);
    expect(logs.join('')).toContain(`"msg":"a reserved identifier has no effect"`);
    await replica.close();
    const findings = async () =>
      (await call('GET', '/admin/diagnosis'))
        .json()
        .items.filter(({ check }: { check: string }) => check === 'reserved identifiers');
    expect(await findings()).toEqual([
      {
        check: 'reserved identifiers',
        status: 'warning',
        detail: `without effect: ${own} in resource_server_of of the client spy`,
      },
      { check: 'reserved identifiers', status: 'warning', detail: `without effect: the resource ${own}: delete it` },
    ]);
    await call('PATCH', '/admin/clients/spy', { resource_server_of: [], scope: '' });
    expect((await call('DELETE', `/admin/resources/${encodeURIComponent(own)}`)).statusCode).toBe(204);
    expect(await findings()).toMatchObject([{ status: 'ok' }]);
    expect((await call('GET', '/admin/clients')).statusCode).toBe(200);
  });
});

describe('protected resources', () => {
  const path = `/admin/resources/${encodeURIComponent('https://r.example/api')}`;

  it('are registered, changed and deleted, if If-Match matches [conditional-requests, RFC 9110 §13.1.1] [acts-are-audited, Lanyard]', async () => {
    const description = { name: 'R', scopes: { 'r:read': 'Read' } };
    expect((await call('PUT', path, description, { 'if-match': '*' })).statusCode).toBe(412);
    const created = await call('PUT', path, description);
    expect([created.statusCode, created.json()]).toEqual([
      201,
      {
        identifier: 'https://r.example/api',
        name: 'R',
        scopes: { 'r:read': 'Read' },
        access_token_lifetime: null,
        access_token_typ: 'at+jwt',
      },
    ]);
    const ifMatch = { 'if-match': String(created.headers.etag) };
    const changed = await call('PUT', path, { name: 'R', scopes: { 'r:read': 'Read', 'r:write': 'Write' } }, ifMatch);
    expect(changed.statusCode).toBe(200);
    expect((await call('PUT', path, { name: 'R', scopes: {} }, ifMatch)).statusCode).toBe(412);
    expect((await call('GET', path)).headers.etag).toBe(changed.headers.etag);
    expect((await call('DELETE', path)).statusCode).toBe(204);
    expect((await call('GET', path)).statusCode).toBe(404);
    const events = (await call('GET', '/admin/audit?actor=administrator&order=newest&limit=3')).json().items;
    expect(events.map(({ type }: { type: string }) => type)).toEqual([
      'resource.deleted',
      'resource.changed',
      'resource.created',
    ]);
  });

  it('keep scopes that clients have, and cannot take one of another resource', async () => {
    await call('PUT', path, { name: 'R', scopes: { 'r:read': 'Read' } });
    await call('POST', '/admin/clients', { client_id: 'reader', scope: 'r:read' });
    for (const refused of [await call('PUT', path, { name: 'R', scopes: {} }), await call('DELETE', path)]) {
      expect([refused.statusCode, refused.json().detail]).toEqual([
        409,
        'clients have it: r:read (1 clients); change them first',
      ]);
    }
    const served = { identifier: 'https://served.example', name: 'Served', scopes: {} };
    await apply({ resources: [served], clients: [{ client_id: 'server', resource_server_of: [served.identifier] }] });
    const deleted = await call('DELETE', `/admin/resources/${encodeURIComponent(served.identifier)}`);
    const server = { client_id: 'server', resource_server_of: [served.identifier] };
    const pruned = await apply({ clients: [server] }, { prune: true });
    expect([deleted.statusCode, pruned.statusCode]).toEqual([409, 400]);
    expect(deleted.json().detail).toBe('the client server is its resource server; change that first');
    const taken = await call('PUT', path, {
      name: 'R',
      scopes: { 'r:read': 'Read', 'jobs:read': 'Mine', 'audit:read': 'Too' },
    });
    expect(taken.json().errors.map(({ field }: { field: string }) => field)).toEqual([
      'scopes.jobs:read',
      'scopes.audit:read',
    ]);
  });
});
