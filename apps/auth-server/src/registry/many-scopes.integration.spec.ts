import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { administratorOf, basic, callOAuth, postToken, provisionedDatabase } from '../auth-server.fixture.ts';

const scopesOf = (prefix: string) => Array.from({ length: 1000 }, (_, i) => prefix + i.toString(36));
/** A thousand scope values of one resource, and as many of a thousand resources. */
const [together, apart] = [scopesOf('t'), scopesOf('a')];
const resource = 'https://together.example';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let app: NestFastifyApplication;
let administrator: Awaited<ReturnType<typeof administratorOf>>;
const authorizations: Record<string, string> = {};

beforeAll(async () => {
  database = await provisionedDatabase({ LOG_LEVEL: 'silent' });
  ({ app } = await database.startReplica());
  administrator = await administratorOf(app, database);
  const registries = [
    {
      resources: [
        { identifier: resource, name: 'Together', scopes: Object.fromEntries(together.map((value) => [value, value])) },
      ],
      clients: [
        { client_id: 'together', scope: together.join(' '), default_scope: together.join(' ') },
        { client_id: 'reader', resource_server_of: [resource] },
      ],
    },
    {
      resources: apart.map((value) => ({
        identifier: `https://${value}.example`,
        name: value,
        scopes: { [value]: value },
      })),
      clients: [{ client_id: 'apart', scope: apart.join(' ') }],
    },
  ];
  for (const registry of registries) {
    const applied = await administrator.call('POST', '/admin/registry', { registry });
    if (applied.statusCode !== 200) throw new Error(applied.body.slice(0, 500));
  }
  for (const clientId of ['together', 'apart', 'reader']) {
    const added = await administrator.call('POST', `/admin/clients/${clientId}/secrets`, {});
    authorizations[clientId] = basic(clientId, added.json<{ client_secret: string }>().client_secret);
  }
}, 120_000);
afterAll(async () => {
  await app?.close();
  await database?.owner.end();
});

const ask = (clientId: string, form: Record<string, string> = {}) =>
  postToken(app, { grant_type: 'client_credentials', ...form }, { authorization: authorizations[clientId] ?? '' });

describe('a thousand scope values', () => {
  it('of one resource fit into a token, which fits into a header and is introspected [many-scopes, Lanyard]', async () => {
    for (const form of [undefined, { scope: together.join(' ') }]) {
      const { access_token: token, scope } = (await ask('together', form)).json();
      expect(scope.split(' ')).toHaveLength(1000);
      // Half of the headers' limit at every resource server.
      expect(token.length).toBeLessThan(8 * 1024);
      const headers = { authorization: `Bearer ${token}` };
      const { statusCode, headers: answer } = await app.inject({ url: '/admin/clients', headers });
      expect([statusCode, answer['www-authenticate']]).toEqual([401, expect.stringContaining('invalid_token')]);
      const introspected = await callOAuth(app, '/oauth/introspect', {
        form: { token },
        authorization: authorizations.reader,
      });
      expect(introspected.json()).toMatchObject({ active: true, scope });
    }
  });

  it('of a thousand resources are for one resource at a time [many-scopes, Lanyard]', async () => {
    const refused = await ask('apart', { scope: apart.join(' ') });
    expect([refused.statusCode, refused.json()]).toEqual([
      400,
      { error: 'invalid_scope', error_description: 'the scope spans several resources: ask for one token each' },
    ]);
    const defaults = await administrator.call('PATCH', '/admin/clients/apart', { default_scope: apart.join(' ') });
    expect([defaults.statusCode, defaults.json().errors]).toEqual([
      400,
      [{ field: 'default_scope', message: 'spans several resources' }],
    ]);
    for (const value of [apart.at(0), apart.at(-1)].map(String)) {
      const answer = await ask('apart', { resource: `https://${value}.example`, scope: value });
      expect([answer.statusCode, answer.json().scope]).toEqual([200, value]);
    }
  });

  it('are all in the metadata, and in the list of resources [many-scopes, Lanyard]', async () => {
    const metadata = await app.inject('/.well-known/oauth-authorization-server');
    const supported = new Set(metadata.json<{ scopes_supported: string[] }>().scopes_supported);
    expect([...together, ...apart].filter((value) => !supported.has(value))).toEqual([]);
    expect(metadata.body.length).toBeLessThan(64 * 1024);
    const listed = await administrator.call('GET', '/admin/resources');
    expect(listed.json().items.length).toBeGreaterThan(1000);
  });

  it('that are longer than a token should be are refused when they are registered [many-scopes, Lanyard]', async () => {
    const scope = Array.from({ length: 1000 }, (_, i) => `${together[i]}:read`).join(' ');
    const refused = await administrator.call('PATCH', '/admin/clients/together', { scope });
    expect([refused.statusCode, refused.json().errors]).toEqual([
      400,
      [{ field: 'scope', message: expect.stringContaining('4000') }],
    ]);
    const token = await ask('together', { scope });
    expect([token.statusCode, token.json().error]).toEqual([400, 'invalid_scope']);
  });
});
