import { mkdtempSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { text } from 'node:stream/consumers';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createService } from '@lanyard/service-defaults';
import { startAuthorizationServer, type TestAuthorizationServer } from '@lanyard/testing';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { InjectOptions } from 'fastify';
import { forwardAuth } from './forward-auth.ts';

const [sales, stock] = ['https://sales.example', 'https://stock.example'] as const;
const RULES = `
sales-read   ${sales}  sales:read
sales-write  ${sales}  sales:read sales:write
stock        ${stock}
`;
let issuer: TestAuthorizationServer;
let app: NestFastifyApplication;

beforeAll(async () => {
  issuer = await startAuthorizationServer(
    { 'forward-auth': { secret: 's3cret', scope: '', audience: sales } },
    { supportsWaiting: true },
  );
  const CLIENT_SECRET_FILE = join(mkdtempSync(join(tmpdir(), 'lanyard-secret-')), 'client_secret');
  writeFileSync(CLIENT_SECRET_FILE, 's3cret');
  const environment = { ISSUER: issuer.issuer, RULES, CLIENT_SECRET_FILE, LOG_LEVEL: 'silent' };
  ({ app } = await createService(forwardAuth, environment));
  await app.listen(0, '127.0.0.1');
});
afterAll(async () => {
  await app.close();
  await issuer.stop();
});

const tokenFor = (scope: string, audience: string = sales, claims: Record<string, unknown> = {}) =>
  issuer.token({ clientId: 'seller', audience, scope }, { claims });
const ask = (rule: string, token?: string, headers: Record<string, string> = {}, options: InjectOptions = {}) =>
  app.inject({
    method: 'GET',
    url: `/rules/${rule}`,
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers },
    ...options,
  });
const statusOf = async (...request: Parameters<typeof ask>) => (await ask(...request)).statusCode;

describe('a rule', () => {
  it('lets requests with its token pass, and says whose they are [forward-auth, Lanyard]', async () => {
    const { statusCode, headers, body } = await ask('sales-read', tokenFor('sales:read sales:write'));
    expect([statusCode, body]).toEqual([200, '']);
    expect(headers).toMatchObject({
      'x-token-client-id': 'seller',
      'x-token-subject': 'seller',
      'x-token-scope': 'sales:read sales:write',
      'cache-control': 'no-store',
    });
  });

  it.each([
    ['no token', 'sales-read', () => undefined, 401, 'Bearer scope="sales:read"'],
    [
      'a token without the scope',
      'sales-write',
      () => tokenFor('sales:read'),
      403,
      'Bearer error="insufficient_scope"',
    ],
    [
      'a token for another resource',
      'sales-read',
      () => tokenFor('sales:read', stock),
      401,
      'Bearer error="invalid_token"',
    ],
    [
      'a token for the first resource at another one',
      'stock',
      () => tokenFor('sales:read'),
      401,
      'Bearer error="invalid_token"',
    ],
    ['a token for neither', 'stock', () => tokenFor('x', 'https://other.example'), 401, 'Bearer error="invalid_token"'],
    [
      'an expired token',
      'sales-read',
      () => tokenFor('sales:read', sales, { exp: 1 }),
      401,
      'Bearer error="invalid_token"',
    ],
    ['two tokens in the header', 'sales-read', () => 'a b', 401, 'Bearer error="invalid_request"'],
  ])('refuses %s with a challenge [forward-auth, Lanyard]', async (_, rule, token, status, challenge) => {
    const { statusCode, headers } = await ask(rule, token());
    const resource = rule === 'stock' ? stock : sales;
    expect([statusCode, headers['www-authenticate']]).toEqual([status, expect.stringContaining(challenge)]);
    expect(headers['www-authenticate']).toContain(
      `resource_metadata="${resource}/.well-known/oauth-protected-resource"`,
    );
    expect(Object.keys(headers).filter((name) => name.startsWith('x-token-'))).toEqual([]);
  });

  it('belongs to its resource, whichever comes first [forward-auth, Lanyard]', async () => {
    expect(await statusOf('stock', tokenFor('anything', stock))).toBe(200);
    const both = issuer.token({ clientId: 'a', audience: sales, scope: 'x' }, { claims: { aud: [stock, 'x'] } });
    expect(await statusOf('stock', both)).toBe(200);
  });

  it.each<[string, Record<string, string>]>([
    [
      'the method and address that Traefik passes on',
      { 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/rules/stock' },
    ],
    ['the address that nginx may pass on', { 'x-original-uri': '/rules/stock', 'x-original-method': 'OPTIONS' }],
    ['headers that name a rule', { 'x-rule': 'stock', 'x-required-scope': '', 'x-resource': stock }],
    [
      'headers that this service sets',
      { 'x-token-client-id': 'evil', 'x-token-scope': 'sales:write', 'x-token-subject': 'evil' },
    ],
    ['a forwarded host', { 'x-forwarded-host': 'stock.example', host: 'stock.example' }],
  ])('is not changed by %s [forward-auth-headers, Lanyard]', async (_, headers) => {
    expect(await statusOf('sales-write', tokenFor('sales:read'), headers)).toBe(403);
    expect(await statusOf('sales-write', tokenFor('x', stock), headers)).toBe(401);
    expect(await statusOf('sales-write', undefined, headers)).toBe(401);
    const passed = await ask('sales-write', tokenFor('sales:read sales:write'), headers);
    expect([passed.headers['x-token-client-id'], passed.headers['x-token-scope']]).toEqual([
      'seller',
      'sales:read sales:write',
    ]);
  });

  it.each([
    '/',
    '/orders/1?x=y',
    '/../stock',
    '/%2e%2e/stock',
    '//stock',
    '/..%2Fstock',
    '/rules/stock',
    '?/rules/stock',
  ])('is not changed by the path %s that Envoy appends [forward-auth-headers, Lanyard]', async (path) => {
    // Unlike other clients, node:http sends paths as they are.
    const { port } = app.getHttpServer().address() as AddressInfo;
    const statusFor = (token: string) =>
      new Promise((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}` };
        get({ port, host: '127.0.0.1', path: `/rules/sales-write${path}`, headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).on('error', reject);
      });
    expect(await statusFor(tokenFor('x', stock))).toBe(401);
    expect(await statusFor(tokenFor('sales:read'))).toBe(403);
    expect(await statusFor(tokenFor('sales:read sales:write'))).toBe(200);
  });

  it.each([
    ['GET /rules/sales-read/caf%E9 HTTP/1.1', ''],
    ['GET /rules/sales-read/%zz HTTP/1.1', ''],
    ['GET /rules/sales-read HTTP/1.1', 'authorization: Bearer \x01\r\n'],
    ['GET /rules/sales-read HTTP/1.1', 'authorization: Bearer a\r\nauthorization: Bearer b\r\n'],
    ['GET /rules/sales-read HTTP/1.1', `x: ${'x'.repeat(20_000)}\r\n`],
    ['FOO /rules/sales-read HTTP/1.1', ''],
  ])('refuses %s with %j with 403, since no rule can judge it [forward-auth, Lanyard]', async (line, headers) => {
    const { port } = app.getHttpServer().address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    socket.write(`${line}\r\nhost: a\r\nconnection: close\r\n${headers}\r\n`);
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  });

  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const)(
    'decides alike about %s, with or without a body [forward-auth, Lanyard]',
    async (method) => {
      const [token, other] = [tokenFor('sales:read'), tokenFor('other')];
      expect([
        await statusOf('sales-read', token, {}, { method }),
        await statusOf('sales-read', other, {}, { method }),
      ]).toEqual([200, 403]);
      if (['GET', 'HEAD', 'OPTIONS'].includes(method)) return;
      for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x']) {
        const body = { method, payload: '{"a":', headers: { authorization: `Bearer ${token}`, 'content-type': type } };
        expect([type, await statusOf('sales-read', undefined, {}, body)]).toEqual([type, 200]);
      }
    },
  );

  it('answers only 200, 401 and 403, since nginx turns others into 500 [forward-auth, Lanyard]', async () => {
    const token = tokenFor('sales:read');
    expect([
      await statusOf('none', token),
      await statusOf('sales-read', token, { expect: '200-ok' }),
      await statusOf('sales-read', token, { 'content-encoding': 'gzip', range: 'bytes=0-1', 'if-none-match': '*' }),
      await statusOf('sales-read?access_token=x', token),
      await statusOf(
        'sales-read',
        token,
        {},
        { method: 'POST', payload: 'x'.repeat(100_000), headers: { authorization: `Bearer ${token}` } },
      ),
    ]).toEqual([403, 403, 200, 401, 403]);
  });

  it.each(['é', 'a\nb', 'a b', ''])(
    'refuses a token of the client %j, which no header can name [forward-auth-headers, Lanyard]',
    async (client_id) => {
      const { statusCode, headers } = await ask('stock', tokenFor('x', stock, { client_id, sub: client_id }));
      expect([statusCode, headers['www-authenticate']]).toEqual([401, expect.stringContaining('invalid_token')]);
    },
  );

  it('refuses a revoked token within a second [revoked-token, RFC 7009 §2]', async () => {
    const token = tokenFor('sales:read', sales, { jti: 'leaked' });
    expect(await statusOf('sales-read', token)).toBe(200);
    issuer.revoke({ kind: 'jti', id: 'leaked' });
    const begun = performance.now();
    while ((await statusOf('sales-read', token)) === 200 && performance.now() - begun < 1000) await sleep(10);
    const { statusCode, headers } = await ask('sales-read', token);
    expect([statusCode, headers['www-authenticate']]).toEqual([401, expect.stringContaining('was revoked')]);
  });
});

describe('the metadata of the protected resources', () => {
  it('is served by host if their paths are the same [resource-metadata-address, RFC 9728 §3.1]', async () => {
    const at = async (host: string) => {
      const response = await app.inject({ url: '/.well-known/oauth-protected-resource', headers: { host } });
      return [response.statusCode, response.json()];
    };
    expect(await at('sales.example')).toEqual([
      200,
      {
        resource: sales,
        authorization_servers: [issuer.issuer],
        scopes_supported: ['sales:read', 'sales:write'],
        bearer_methods_supported: ['header'],
      },
    ]);
    expect(await at('stock.example')).toMatchObject([200, { resource: stock, scopes_supported: [] }]);
    expect((await at('other.example'))[0]).toBe(404);
  });
});
