import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Finding } from '@lanyard/administration';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { administratorOf, basic, callOAuth, postToken, provisionedDatabase } from '../../auth-server.fixture.ts';

const [first, second] = ['https://first.example', 'https://second.example'] as const;

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let app: NestFastifyApplication;
let call: Awaited<ReturnType<typeof administratorOf>>['call'];
let authorization: string;
let reader: string;

beforeAll(async () => {
  database = await provisionedDatabase({ LOG_LEVEL: 'silent' });
  ({ app } = await database.startReplica());
  ({ call } = await administratorOf(app, database));
  const registry = {
    resources: [
      { identifier: first, name: 'First', scopes: { 'first:read': 'Read', 'first:write': 'Write' } },
      { identifier: second, name: 'Second', scopes: { 'second:read': 'Read' } },
    ],
    clients: [
      {
        client_id: 'both',
        scope: 'first:read first:write second:read',
        default_scope: 'first:read second:read',
      },
      { client_id: 'reader', resource_server_of: [first, second] },
    ],
  };
  const applied = await call('POST', '/admin/registry', { registry });
  if (applied.statusCode !== 200) throw new Error(applied.body);
  const secretOf = async (clientId: string) =>
    basic(clientId, (await call('POST', `/admin/clients/${clientId}/secrets`, {})).json().client_secret);
  [authorization, reader] = [await secretOf('both'), await secretOf('reader')];
});
afterAll(async () => {
  await app?.close();
  await database?.owner.end();
});

const ask = (form: Record<string, string> = {}) =>
  postToken(app, { grant_type: 'client_credentials', ...form }, { authorization });
const tokenFor = async (resource: string) => {
  const { access_token: token, expires_in: lifetime } = (await ask({ resource })).json();
  const { iat = 0, exp = 0 } = decodeJwt(token);
  expect(exp - iat).toBe(lifetime);
  return { token: String(token), lifetime: Number(lifetime), typ: decodeProtectedHeader(token).typ };
};
const put = async (identifier: string, changes: object) => {
  const { items } = (await call('GET', '/admin/resources')).json();
  const { identifier: _, ...resource } = items.find((one: { identifier: string }) => one.identifier === identifier);
  const response = await call('PUT', `/admin/resources/${encodeURIComponent(identifier)}`, { ...resource, ...changes });
  return [response.statusCode, response.json()];
};

describe('a client with default scopes at several resources', () => {
  it.each([
    [first, 'first:read'],
    [second, 'second:read'],
  ])('gets those of the resource %s [default-scope, RFC 6749 §3.3]', async (resource, scope) => {
    const response = await ask({ resource });
    expect([response.statusCode, response.json().scope]).toEqual([200, scope]);
    expect(decodeJwt(response.json().access_token).aud).toBe(resource);
  });

  it('must name the resource [default-scope, RFC 6749 §3.3] [resource-indicators, RFC 8707 §2]', async () => {
    const response = await ask();
    expect([response.statusCode, response.json()]).toEqual([
      400,
      {
        error: 'invalid_target',
        error_description: 'the client has default scopes for several resources: send resource',
      },
    ]);
  });

  it('gets a scope that it requests, without a resource', async () => {
    expect((await ask({ scope: 'first:write' })).json()).toMatchObject({ scope: 'first:write' });
    expect((await ask({ scope: 'first:write second:read' })).json().error).toBe('invalid_scope');
  });
});

describe('the access tokens of a protected resource', () => {
  it('live for the shortest time that server, client and resource allow [access-token-lifetime, Lanyard]', async () => {
    const lifetimes = async () => [(await tokenFor(first)).lifetime, (await tokenFor(second)).lifetime];
    const limitClient = async (seconds: number | null) =>
      call('PATCH', '/admin/clients/both', { access_token_lifetime: seconds });
    expect(await lifetimes()).toEqual([600, 600]);
    expect(await put(first, { access_token_lifetime: 120 })).toMatchObject([200, { access_token_lifetime: 120 }]);
    expect(await lifetimes()).toEqual([120, 600]);
    await limitClient(300);
    expect(await lifetimes()).toEqual([120, 300]);
    await limitClient(60);
    expect(await lifetimes()).toEqual([60, 60]);
    await limitClient(3600);
    await put(first, { access_token_lifetime: 3600 });
    expect(await lifetimes()).toEqual([600, 600]);
    await put(first, { access_token_lifetime: null });
    await limitClient(null);
    expect(await lifetimes()).toEqual([600, 600]);
  });

  it.each([59, 3601, 0, -1, 1.5, '60', '1 minute'])(
    'cannot live for %j seconds [access-token-lifetime, Lanyard]',
    async (lifetime) => {
      expect(await put(first, { access_token_lifetime: lifetime })).toMatchObject([
        400,
        { errors: [{ field: 'access_token_lifetime' }] },
      ]);
    },
  );

  it('have the type at+jwt unless another one was chosen, which the diagnosis warns of [access-token-typ, Lanyard]', async () => {
    const types = async () => [(await tokenFor(first)).typ, (await tokenFor(second)).typ];
    const findings = async () =>
      (await call('GET', '/admin/diagnosis'))
        .json<{ items: Finding[] }>()
        .items.filter(({ check }) => check === 'access token type');
    expect([await types(), await findings()]).toMatchObject([['at+jwt', 'at+jwt'], [{ status: 'ok' }]]);
    expect(await put(second, { access_token_typ: 'JWT' })).toMatchObject([200, { access_token_typ: 'JWT' }]);
    expect(await types()).toEqual(['at+jwt', 'JWT']);
    expect(await findings()).toEqual([
      {
        check: 'access token type',
        status: 'warning',
        detail: `typ is JWT, so validators could accept other JWTs as access tokens: ${second}`,
      },
    ]);
    expect(await put(second, { access_token_typ: 'jwt' })).toMatchObject([
      400,
      { errors: [{ field: 'access_token_typ' }] },
    ]);
  });

  it('of the type JWT are introspected and revoked like others [access-token-typ, Lanyard]', async () => {
    const { token, typ } = await tokenFor(second);
    expect(typ).toBe('JWT');
    const isActive = async () =>
      (await callOAuth(app, '/oauth/introspect', { form: { token }, authorization: reader })).json().active;
    expect(await isActive()).toBe(true);
    expect((await callOAuth(app, '/oauth/revoke', { form: { token }, authorization })).statusCode).toBe(200);
    expect(await isActive()).toBe(false);
  });

  it('cannot be changed for the administration [explicit-type, RFC 9068 §4]', async () => {
    const administration = encodeURIComponent('http://localhost:3000/admin');
    const description = { name: 'Mine', scopes: {}, access_token_typ: 'JWT' };
    expect((await call('PUT', `/admin/resources/${administration}`, description)).statusCode).toBe(400);
  });

  it('are described in files, and recorded in the audit log when they change [acts-are-audited, Lanyard]', async () => {
    const resource = {
      identifier: first,
      name: 'First',
      scopes: {},
      access_token_lifetime: 90,
      access_token_typ: 'JWT',
    };
    const { changes } = (await call('POST', '/admin/registry', { registry: { resources: [resource] } })).json();
    expect(changes).toMatchObject([
      {
        id: first,
        fields: [
          { field: 'access_token_lifetime', from: null, to: 90 },
          { field: 'access_token_typ', from: 'at+jwt', to: 'JWT' },
        ],
      },
    ]);
    expect(await tokenFor(first)).toMatchObject({ lifetime: 90, typ: 'JWT' });
    const recorded = (await call('GET', '/admin/audit?type=resource.changed&limit=100')).json().items.at(-1);
    expect(recorded.details).toMatchObject({ access_token_typ: { from: 'at+jwt', to: 'JWT' } });
  });
});

describe('metadata and keys', () => {
  it.each([
    '/.well-known/oauth-authorization-server',
    '/.well-known/jwks.json',
    '/.well-known/oauth-protected-resource/admin',
  ])('at %s may be served by caches through an outage [stale-if-error, RFC 5861 §4]', async (url) => {
    const { headers } = await app.inject(url);
    expect(headers['cache-control']).toBe('public, max-age=300, stale-if-error=3600');
  });
});
