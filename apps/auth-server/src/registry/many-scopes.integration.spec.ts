import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { administrativeScopes } from '@lanyard/administration';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { administratorOf, basic, callOAuth, postToken, provisionedDatabase } from '../auth-server.fixture.ts';
import { ProtectedResources } from './protected-resources.ts';
import { RegistryChanges } from '../replicas/registry-changes.ts';

const scopesOf = (prefix: string) => Array.from({ length: 1000 }, (_, i) => prefix + i.toString(36));
/** A thousand scope values of one resource, and as many of a thousand resources. */
const [together, separate] = [scopesOf('t'), scopesOf('a')];
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
      resources: separate.map((value) => ({
        identifier: `https://${value}.example`,
        name: value,
        scopes: { [value]: value },
      })),
      clients: [{ client_id: 'separate', scope: separate.join(' ') }],
    },
  ];
  for (const registry of registries) {
    const applied = await administrator.call('POST', '/admin/registry', { registry });
    if (applied.statusCode !== 200) throw new Error(applied.body.slice(0, 500));
  }
  for (const clientId of ['together', 'separate', 'reader']) {
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
    const refused = await ask('separate', { scope: separate.join(' ') });
    expect([refused.statusCode, refused.json()]).toEqual([
      400,
      { error: 'invalid_scope', error_description: 'the scope spans several resources: request one token for each' },
    ]);
    const defaults = { default_scope: separate.join(' ') };
    expect((await administrator.call('PATCH', '/admin/clients/separate', defaults)).statusCode).toBe(200);
    const unnamed = await ask('separate');
    expect([unnamed.statusCode, unnamed.json()]).toEqual([
      400,
      {
        error: 'invalid_target',
        error_description: 'the client has default scopes for several resources: send resource',
      },
    ]);
    for (const value of [separate.at(0), separate.at(-1)].map(String)) {
      const target = { resource: `https://${value}.example` };
      for (const form of [target, { ...target, scope: value }]) {
        const answer = await ask('separate', form);
        expect([answer.statusCode, answer.json().scope]).toEqual([200, value]);
      }
    }
  });

  it('are all in the list of resources [many-scopes, Lanyard]', async () => {
    const listed = await administrator.call('GET', '/admin/resources');
    const { items } = listed.json<{ items: { scopes: object }[] }>();
    const values = new Set(items.flatMap(({ scopes }) => Object.keys(scopes)));
    expect([...together, ...separate].filter((value) => !values.has(value))).toEqual([]);
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

describe('the metadata', () => {
  const read = () => app.inject('/.well-known/oauth-authorization-server');
  const leaveOnly = async (values: string[]) => {
    await database.owner.query('DELETE FROM scope WHERE NOT value = ANY($1)', [values]);
    await app.get(RegistryChanges).catchUp();
  };
  const administrative = Object.keys(administrativeScopes);
  const most = together.slice(0, 1000 - administrative.length);

  it('lists at most a thousand scope values [server-metadata, RFC 8414 §2]', async () => {
    const many = await read();
    expect(many.json()).toMatchObject({ issuer: 'http://localhost:3000', response_types_supported: [] });
    expect(many.json()).not.toHaveProperty('scopes_supported');
    await leaveOnly(together.slice(0, most.length + 1));
    expect((await read()).json()).not.toHaveProperty('scopes_supported');
    await leaveOnly(most);
    const { scopes_supported: listed } = (await read()).json<{ scopes_supported: string[] }>();
    expect(new Set(listed)).toEqual(new Set([...most, ...administrative]));
  });

  it('is built once for as long as no resource changes [server-metadata, RFC 8414 §2]', async () => {
    await leaveOnly(most.slice(1));
    const resources = app.get(ProtectedResources);
    const [values, states] = [jest.spyOn(resources, 'scopeValues', 'get'), jest.spyOn(resources, 'all', 'get')];
    const answers = [];
    for (let i = 0; i < 6; i++) answers.push(await read());
    const bodies = new Set(answers.map(({ body }) => body));
    expect(bodies.size).toBe(1);
    expect(answers[0]?.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answers[0]?.json<{ scopes_supported: string[] }>().scopes_supported).toHaveLength(999);
    // Usually one; after a late notification, the same resources are read again.
    const found = new Set(states.mock.results.map(({ value }) => value));
    expect(states).toHaveBeenCalledTimes(6);
    expect(values).toHaveBeenCalledTimes(found.size);
  });
});
