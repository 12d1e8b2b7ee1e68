import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { decodeJwt } from 'jose';
import { administratorOf, basic, provisionedDatabase } from './auth-server.fixture.ts';

const issuer = 'https://example.com/auth';
let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let app: NestFastifyApplication;
/** Its path begins like one of the server's own. */
let oauth: NestFastifyApplication;

beforeAll(async () => {
  database = await provisionedDatabase({ LOG_LEVEL: 'silent', ISSUER: issuer, API_DOCS: 'true' });
  ({ app } = await database.startReplica());
  ({ app: oauth } = await database.startReplica({ ISSUER: 'https://example.com/oauth' }));
});
afterAll(async () => {
  await oauth?.close();
  await app?.close();
  await database?.owner.end();
});

const post = (at: NestFastifyApplication, url: string) =>
  at.inject({
    method: 'POST',
    url,
    headers: {
      authorization: basic('batch-processor', database.secretOf('batch-processor')),
      'content-type': 'application/x-www-form-urlencoded',
    },
    payload: 'grant_type=client_credentials',
  });

describe('an issuer with a path', () => {
  it.each([
    '/.well-known/oauth-authorization-server/auth',
    '/auth/.well-known/openid-configuration',
    '/.well-known/openid-configuration/auth',
    '/auth/.well-known/oauth-authorization-server',
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    '/auth/.well-known/openid-configuration?x=/auth?',
  ])('has metadata at %s [issuer-path, RFC 8414 §3.1]', async (url) => {
    const response = await app.inject(url);
    expect([response.statusCode, response.json()]).toMatchObject([
      200,
      {
        issuer,
        token_endpoint: `${issuer}/oauth/token`,
        authorization_endpoint: `${issuer}/oauth/authorize`,
        jwks_uri: `${issuer}/.well-known/jwks.json`,
        revocations_uri: `${issuer}/oauth/revocations`,
      },
    ]);
  });

  it.each([
    ['GET', '/.well-known/jwks.json', 200],
    ['POST', '/oauth/token', 401],
    ['GET', '/oauth/token', 405],
    ['GET', '/oauth/authorize', 400],
    ['GET', '/admin/clients', 401],
    ['GET', '/docs', 200],
    ['GET', '/docs-json', 200],
    ['GET', '/docs/swagger-ui.css', 200],
  ] as const)(
    'answers %s %s below its path, also behind a proxy that removes it [issuer-path, RFC 8414 §3.1]',
    async (method, url, status) => {
      for (const path of ['/auth', '']) {
        const response = await app.inject({ method, url: path + url });
        expect([path, response.statusCode]).toEqual([path, status]);
      }
    },
  );

  it.each([
    '/auth',
    '/auth/',
    '/Auth/oauth/token',
    '/AUTH/.well-known/openid-configuration',
    '/auth//oauth/token',
    '//auth/oauth/token',
    '/auth/auth/oauth/token',
    '/authx/oauth/token',
    '/au/oauth/token',
    '/%61uth/oauth/token',
    '/auth/nothing',
    '/.well-known/openid-configuration/AUTH',
    '/.well-known/openid-configuration/auth/',
    '/.well-known/openid-configuration/other',
    '/.well-known/jwks.json/auth',
  ])('is exactly its path: %s is not there [issuer-path, RFC 8414 §3.1]', async (url) => {
    for (const method of ['GET', 'POST'] as const) {
      expect([method, (await app.inject({ method, url })).statusCode]).toEqual([method, 404]);
    }
  });

  it('is found in whole URLs, and in links of the administration [issuer-path, RFC 8414 §3.1]', async () => {
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const status = await new Promise((resolve, reject) => {
      const path = 'http://example.com/auth/.well-known/jwks.json';
      get({ port, host: '127.0.0.1', path }, (response) => resolve(response.resume().statusCode)).on('error', reject);
    });
    expect(status).toBe(200);
    const { call } = await administratorOf(app, database);
    const created = await call('POST', '/auth/admin/clients', { client_id: 'a/b' });
    expect([created.statusCode, created.headers.location]).toEqual([201, '/auth/admin/clients/a%2Fb']);
    expect((await call('GET', String(created.headers.location))).json()).toMatchObject({ client_id: 'a/b' });
  });

  it('is the issuer and the administration of its tokens [issuer-path, RFC 8414 §3.1]', async () => {
    const response = await post(app, '/auth/oauth/token');
    expect(decodeJwt(response.json().access_token)).toMatchObject({ iss: issuer });
    const refused = await app.inject('/auth/admin/clients');
    expect(refused.headers['www-authenticate']).toContain(
      'resource_metadata="https://example.com/.well-known/oauth-protected-resource/auth/admin"',
    );
    const described = await app.inject('/.well-known/oauth-protected-resource/auth/admin');
    expect(described.json()).toMatchObject({ resource: `${issuer}/admin`, authorization_servers: [issuer] });
  });

  it('is in the API document, and the page calls it [issuer-path, RFC 8414 §3.1]', async () => {
    const { servers, components } = (await app.inject('/auth/docs-json')).json();
    expect(servers).toEqual([{ url: '/auth' }]);
    expect(components.securitySchemes.access_token.flows.clientCredentials.tokenUrl).toBe(`${issuer}/oauth/token`);
  });

  it('may begin like a path of the server itself [issuer-path, RFC 8414 §3.1]', async () => {
    const urls = ['/oauth/oauth/token', '/oauth/token'];
    expect(await Promise.all(urls.map(async (url) => (await post(oauth, url)).statusCode))).toEqual([200, 200]);
    const metadata = await oauth.inject('/.well-known/oauth-authorization-server/oauth');
    expect(metadata.json()).toMatchObject({ issuer: 'https://example.com/oauth' });
  });
});

describe('the authorization endpoint', () => {
  it('explains that there is no sign-in, reads no parameter, and never redirects [no-authorization, RFC 6749 §3.1]', async () => {
    const plain = await app.inject('/oauth/authorize');
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'batch-processor',
      redirect_uri: 'https://evil.example/"><script>alert(1)</script>',
      state: 'hush',
    });
    for (const url of [`/oauth/authorize?${query}`, `/auth/oauth/authorize?${query}`]) {
      const { statusCode, headers, body } = await app.inject(url);
      expect([statusCode, headers['content-type'], headers['cache-control']]).toEqual([
        400,
        'text/html; charset=utf-8',
        'no-store',
      ]);
      expect(headers).not.toHaveProperty('location');
      expect(headers['content-security-policy']).toContain("default-src 'none'");
      expect(body).toBe(plain.body);
    }
    expect(plain.body).toContain(`${issuer}/oauth/token`);
    for (const method of ['POST', 'PUT'] as const) {
      expect((await app.inject({ method, url: `/oauth/authorize?${query}` })).statusCode).toBe(405);
    }
  });
});
