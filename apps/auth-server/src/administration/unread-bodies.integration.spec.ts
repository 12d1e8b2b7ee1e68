import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { guardedRoutesOf, listening, maxBytesTaken, type Route } from '@lanyard/service-defaults/unread-bodies.fixture';
import { administratorOf, provisionedDatabase } from '../auth-server.fixture.ts';

let app: Awaited<ReturnType<Awaited<ReturnType<typeof provisionedDatabase>>['startReplica']>>['app'];
let administrator: Awaited<ReturnType<typeof administratorOf>>;
let server: Awaited<ReturnType<typeof listening>>;
let routes: Route[];
let database: Awaited<ReturnType<typeof provisionedDatabase>>;

beforeAll(async () => {
  database = await provisionedDatabase();
  ({ app } = await database.startReplica(
    {},
    (replica) => (routes = guardedRoutesOf(replica, (url) => /^\/(docs|oauth)\//.test(url))),
  ));
  administrator = await administratorOf(app, database);
  server = await listening(app);
});
afterAll(async () => {
  await app.close();
  await database.owner.end();
});

describe('a guarded route of the authorization server', () => {
  it.each([
    ['without a token', () => Promise.resolve(undefined), 401],
    ['with a malformed token', () => Promise.resolve('nonsense'), 401],
    ['with a token that lacks the scope', () => administrator.tokenFor('audit:read'), 403],
  ])('refuses a request %s and leaves its body unread [token-before-body, Lanyard]', async (_, tokenOf, status) => {
    const guarded = routes.filter(({ url }) => !url.startsWith('/admin/audit'));
    expect(guarded.length).toBeGreaterThan(20);
    const token = await tokenOf();
    for (const route of guarded) {
      const { answer, taken } = await server.flood(route, token ? `authorization: Bearer ${token}\r\n` : '');
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*www-authenticate: Bearer[^]*connection: close`));
      expect(taken).toBeLessThan(maxBytesTaken);
    }
  });

  it('refuses JSON that is nested deeper than any request needs [json-depth, Lanyard]', async () => {
    const deep = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown;
    const refused = await administrator.call('POST', '/admin/registry', deep(33));
    expect(refused.statusCode).toBe(400);
    expect(refused.json()).toMatchObject({ detail: 'JSON may be nested at most 32 levels deep' });
    // Brackets within a string do not count.
    const named = { registry: { resources: [], clients: [] }, dry_run: true, more: '[{"\\'.repeat(50) };
    const understood = await administrator.call('POST', '/admin/registry', named);
    expect(understood.json()).toMatchObject({
      errors: [expect.objectContaining({ message: expect.stringMatching(/more/) })],
    });
  });

  it('refuses JSON that has more values than a registry may have [json-values, Lanyard]', async () => {
    const registry = { clients: Array.from({ length: 100_000 }, () => ({})) };
    const refused = await administrator.call('POST', '/admin/registry', { registry });
    expect(refused.statusCode).toBe(400);
    expect(refused.json()).toMatchObject({ detail: 'JSON may have at most 100000 values' });
  });

  it('reports at most a hundred faults of a registry [bounded-faults, Lanyard]', async () => {
    const clients = Array.from({ length: 5000 }, () => ({ client_id: '9', scope: '"', tokens_per_minute: 0 }));
    const contradictory = clients.map(() => ({ client_id: 'twice', scope: 'of:nothing' }));
    const resources = Array.from({ length: 1000 }, () => ({
      identifier: 'http://localhost:3000',
      name: 'x',
      scopes: {},
    }));
    for (const registry of [{ clients }, { clients: contradictory }, { resources }]) {
      const refused = await administrator.call('POST', '/admin/registry', { registry });
      expect(refused.statusCode).toBe(400);
      expect(refused.json().errors).toHaveLength(101);
    }
  });

  // This test comes last: the server may count its unfinished request for a moment longer.
  it('answers 100 Continue only after it has accepted the token [token-before-body, Lanyard]', async () => {
    const route = { method: 'POST', url: '/admin/registry' };
    expect(await server.expectContinue(route)).toMatch(/^HTTP\/1.1 401 /);
    const accepted = `authorization: Bearer ${await administrator.tokenFor('clients:write')}\r\n`;
    expect(await server.expectContinue(route, accepted)).toMatch(/^HTTP\/1.1 100 Continue\r\n/);
  });
});
