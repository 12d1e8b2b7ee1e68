import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { administratorOf, provisionedDatabase } from '../../auth-server.fixture.ts';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let app: NestFastifyApplication;
let call: Awaited<ReturnType<typeof administratorOf>>['call'];

beforeAll(async () => {
  database = await provisionedDatabase({ LOG_LEVEL: 'silent' });
  ({ app } = await database.startReplica());
  ({ call } = await administratorOf(app, database));
});
afterAll(async () => {
  await app.close();
  await database.owner.end();
});

const apply = async (registry: object, options: object = {}) =>
  call('POST', '/admin/registry', { registry, ...options });
/** The registry as it is, in the words of a file. */
async function current() {
  const resources = (await call('GET', '/admin/resources')).json().items;
  const { items } = (await call('GET', '/admin/clients?limit=1000')).json();
  const clients = items
    .filter(({ client_id }: { client_id: string }) => client_id !== 'administrator')
    .map(({ client_id_issued_at: _1, updated_at: _2, ...client }: Record<string, unknown>) => client);
  return { resources, clients };
}
const everything = async () => JSON.stringify((await database.owner.query('SELECT * FROM client ORDER BY 1')).rows);

describe('a registry that is applied', () => {
  it('changes nothing where it is so already', async () => {
    const before = await everything();
    const answer = (await apply(await current(), { prune: true })).json();
    expect(answer).toEqual({ applied: true, changes: [], without_secret: [] });
    expect(await everything()).toBe(before);
  });

  it('is told, and undone, in a dry run', async () => {
    const before = await everything();
    const registry = {
      resources: [{ identifier: 'https://a.example', name: 'A', scopes: { 'a:read': 'Read' } }],
      clients: [{ client_id: 'fresh', scope: 'a:read' }],
    };
    const told = (await apply(registry, { dry_run: true })).json();
    expect(told).toEqual({
      applied: false,
      changes: [
        {
          action: 'create',
          kind: 'resource',
          id: 'https://a.example',
          fields: [
            { field: 'name', from: null, to: 'A' },
            { field: 'scopes', from: null, to: { 'a:read': 'Read' } },
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
    expect((await apply(registry)).json()).toEqual({ ...told, applied: true });
    expect((await apply(registry)).json().changes).toEqual([]);
  });

  it('is applied as a whole or not at all', async () => {
    const before = await current();
    // The scope goes with its resource, but the administrator has it.
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

  it('deletes only when asked to, and never who may administer', async () => {
    const registry = { resources: [{ identifier: 'https://b.example', name: 'B', scopes: { 'b:read': 'Read' } }] };
    expect((await apply(registry)).json().changes).toHaveLength(1);
    expect((await current()).clients.length).toBeGreaterThan(3);
    const { changes } = (await apply(registry, { prune: true })).json();
    expect(changes.map(({ action, id }: { action: string; id: string }) => `${action} ${id}`)).toContain(
      'delete jobs-api',
    );
    expect(await current()).toEqual({ ...registry, clients: [] });
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
      'an administrative scope of its own',
      { resources: [{ identifier: 'https://x.example', name: 'X', scopes: { 'keys:read': 'x' } }] },
      'registry.resources.0.scopes.keys:read',
    ],
    ['an unknown key', { client: [] }, 'registry'],
  ])('is refused with %s', async (_, registry, field) => {
    const response = await apply(registry);
    expect([response.statusCode, response.json().errors?.[0].field]).toEqual([400, field]);
  });
});

describe('protected resources', () => {
  const path = `/admin/resources/${encodeURIComponent('https://r.example/api')}`;

  it('are registered, changed and deleted, by those who know their state [conditional-requests, RFC 9110 §13.1.1] [acts-are-audited, Lanyard]', async () => {
    const description = { name: 'R', scopes: { 'r:read': 'Read' } };
    expect((await call('PUT', path, description, { 'if-match': '*' })).statusCode).toBe(412);
    const created = await call('PUT', path, description);
    expect([created.statusCode, created.json()]).toEqual([
      201,
      { identifier: 'https://r.example/api', name: 'R', scopes: { 'r:read': 'Read' } },
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

  it('keep scopes that clients have, and take none of another resource', async () => {
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
