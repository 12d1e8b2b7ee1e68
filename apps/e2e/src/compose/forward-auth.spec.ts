import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '@lanyard/local-system';
import { ComposeProject } from '@lanyard/local-system/compose';
import { decodeJwt } from 'jose';
import { basic } from '../basic.ts';
import { call, issuer, postToken, project } from '../system-under-test.ts';
import { temporaryDirectory } from '../temporary-directory.ts';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));
const conf = readFileSync(join(repository, 'examples/forward-auth/nginx.conf'), 'utf8');
const blocksOf = (page: string, language: string) =>
  [
    ...readFileSync(join(repository, 'docs', page), 'utf8').matchAll(
      new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`\\n`, 'gm'),
    ),
  ].map(([, text = '']) => text);
const blocks = (language: string) => blocksOf('forward-auth.md', language);

let example: ComposeProject;
let directory: string;
let nginx: string;
let other: string;
let issuerWithPath: string;
let secrets: Record<string, string>;

/** Runs the lines of a block, with the ports of this test. */
const run = (command: string) =>
  execFileSync(
    'bash',
    [
      '-euo',
      'pipefail',
      '-c',
      command.replaceAll('http://localhost:3000', issuer).replaceAll('http://localhost:8080', nginx),
    ],
    {
      cwd: repository,
      env: { ...project!.environment, ...example.environment, COMPOSE_PROJECT_NAME: project!.name },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
const tokenOf = async (clientId: string) => {
  const authorization = basic(clientId, String(secrets[`clients/${clientId}/client_secret`]));
  return String((await postToken({ grant_type: 'client_credentials' }, { authorization })).body.access_token);
};
const at = (url: string, token?: string, headers: Record<string, string> = {}, method = 'GET') =>
  call(url, { method, headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) } });

/** The lines of docs/interop.md for an issuer with a path. */
const [issuerPathLines = ''] = blocksOf('interop.md', 'nginx');

/** An nginx whose requests are let pass by introspection, and which serves an issuer with a path. */
const otherConf = (credentials: string, authServer: string) => `
events {}
http {
  server {
    listen 8080;
    location /orders/ {
      auth_request /_introspect;
      proxy_pass http://127.0.0.1:8081/;
    }
    location = /_introspect {
      internal;
      proxy_pass http://auth-server:3000/oauth/introspect;
      proxy_method POST;
      proxy_pass_request_headers off;
      proxy_set_header Authorization "${credentials}";
      proxy_set_header Content-Type application/x-www-form-urlencoded;
      proxy_set_body "token=$http_authorization";
    }
  }
  server {
    listen 127.0.0.1:8081;
    return 200 "let pass";
  }
  server {
    listen 8082;
${issuerPathLines.replaceAll('auth-server', authServer)}
  }
}
`;

beforeAll(async () => {
  directory = await temporaryDirectory();
  const [nginxPort, otherPort, pathPort] = [await freePort(), await freePort(), await freePort()];
  issuerWithPath = `http://localhost:${pathPort}/auth`;
  [nginx, other] = [`http://localhost:${nginxPort}`, `http://localhost:${otherPort}`];
  example = ComposeProject.from(JSON.stringify({ name: `${project!.name}-forward-auth`, ports: project!.ports }));
  example.files = ['examples/forward-auth/docker-compose.yml', 'apps/e2e/src/compose/nginx/docker-compose.yml'];
  example.settings = {
    LANYARD: project!.name,
    ISSUER: issuer,
    NGINX_PORT: String(nginxPort),
    NGINX_IMAGE: 'lanyard-e2e-nginx',
    OTHER_NGINX_PORT: String(otherPort),
    ISSUER_PATH_PORT: String(pathPort),
    OTHER_NGINX_CONF: join(directory, 'nginx.conf'),
  };
  const [register = ''] = blocks('sh');
  run(register.split('\n')[0] ?? '');
  secrets = await project!.secrets();
  const authServer = `${project!.name}-issuer-path`;
  const settings = ['--name', authServer, '-e', `ISSUER=${issuerWithPath}`];
  await project!.compose('run', '--detach', '--no-deps', '--rm', ...settings, 'auth-server');
  writeFileSync(
    join(directory, 'nginx.conf'),
    otherConf(basic('forward-auth', String(secrets['clients/forward-auth/client_secret'])), authServer),
  );
  await example.compose('up', '--build', '--wait', '--wait-timeout', '120');
}, 300_000);
afterAll(async () => {
  await example.remove();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

describe('forward-auth behind nginx', () => {
  it('works as its page shows, with the settings that it shows', () => {
    for (const block of blocks('nginx')) expect(conf).toContain(block);
    const [, requests = ''] = blocks('sh');
    const output = run(requests);
    const answers = output.split('HTTP/1.1 ').slice(1);
    expect(answers.map((answer) => answer.slice(0, 3))).toEqual(['401', '200', '403']);
    expect(answers[0]).toMatch(/^WWW-Authenticate: Bearer scope="orders:read", resource_metadata=/im);
    expect(answers[1]).toMatch(/\r\n\r\norders of shop, shop, for orders:read\n$/);
    expect(answers[2]).toMatch(/^WWW-Authenticate: Bearer error="insufficient_scope"[^]*orders:read orders:write/im);
  });

  it('serves the metadata of the protected resource [resource-metadata-address, RFC 9728 §3.1]', async () => {
    expect((await at(`${nginx}/.well-known/oauth-protected-resource`)).body).toMatchObject({
      resource: 'https://orders.example',
      authorization_servers: [issuer],
      scopes_supported: ['orders:read', 'orders:write'],
    });
  });

  it('lets no header from outside through [forward-auth-headers, Lanyard]', async () => {
    const token = await tokenOf('shop');
    const forged = { 'x-token-client-id': 'evil', 'x-token-subject': 'evil', 'x-token-scope': 'orders:write' };
    expect((await at(`${nginx}/orders/1`, token, forged)).body.text).toBe('orders of shop, shop, for orders:read\n');
    const elsewhere = {
      'x-original-uri': '/rules/orders-read',
      'x-forwarded-uri': '/rules/orders-read',
      'x-rule': 'orders-read',
    };
    expect((await at(`${nginx}/orders/cancel`, token, { ...forged, ...elsewhere })).status).toBe(403);
    expect((await at(`${nginx}/orders/1`, undefined, { ...forged, ...elsewhere })).status).toBe(401);
    expect((await at(`${nginx}/_rules/orders-read`, token)).status).toBe(404);
    for (const path of ['/orders/1', '/orders/cancel']) {
      const passed = await at(nginx + path, await tokenOf('warehouse'), { ...forged, ...elsewhere });
      expect(passed.body.text).toBe('orders of warehouse, warehouse, for orders:read orders:write\n');
    }
  });

  it.each([
    ['a malformed token', { authorization: 'Bearer a b c' }],
    ['a token that is no JWT', { authorization: 'Bearer x' }],
    ['a long token', { authorization: `Bearer ${'x'.repeat(7000)}` }],
    ['another scheme', { authorization: 'Basic eDp5' }],
    ['many headers', Object.fromEntries(Array.from({ length: 3 }, (_, i) => [`x-${i}`, 'x'.repeat(6000)]))],
    ['a content coding', { 'content-encoding': 'gzip' }],
  ])('answers %s without a server error [forward-auth, Lanyard]', async (_, headers) => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const { status } = await at(`${nginx}/orders/1`, undefined, headers, method);
      expect([method, status]).toEqual([method, 401]);
    }
  });

  it('refuses a revoked token within a second [revoked-token, RFC 7009 §2]', async () => {
    const token = await tokenOf('shop');
    expect((await at(`${nginx}/orders/1`, token)).status).toBe(200);
    const authorization = basic('shop', String(secrets['clients/shop/client_secret']));
    await call(`${issuer}/oauth/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ token }),
      headers: { authorization },
    });
    const begun = performance.now();
    while ((await at(`${nginx}/orders/1`, token)).status === 200 && performance.now() - begun < 1000) await sleep(20);
    const refused = await at(`${nginx}/orders/1`, token);
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining('was revoked'),
    ]);
  });
});

describe('introspection behind nginx', () => {
  it('lets requests with any token pass, as the page warns', async () => {
    for (const token of ['nonsense', `${(await tokenOf('shop')).slice(0, -4)}AAAA`]) {
      expect((await at(`${other}/orders/1`, token)).body.text).toBe('let pass');
    }
  });
});

describe('an issuer with a path behind nginx', () => {
  it('is served with the lines that docs/interop.md shows [issuer-path, RFC 8414 §3.1]', async () => {
    const { origin } = new URL(issuerWithPath);
    const inserted = `${origin}/.well-known/oauth-authorization-server/auth`;
    while ((await at(inserted)).status === 502) await sleep(100);
    for (const url of [inserted, `${issuerWithPath}/.well-known/openid-configuration`]) {
      expect((await at(url)).body).toMatchObject({ issuer: issuerWithPath });
    }
    const authorization = basic('shop', String(secrets['clients/shop/client_secret']));
    const body = new URLSearchParams({ grant_type: 'client_credentials' });
    const { body: granted } = await call(`${issuerWithPath}/oauth/token`, {
      method: 'POST',
      body,
      headers: { authorization },
    });
    expect(decodeJwt(String(granted.access_token)).iss).toBe(issuerWithPath);
    const { headers } = await at(`${issuerWithPath}/admin/clients`);
    const metadata = /resource_metadata="([^"]*)"/.exec(String(headers.get('www-authenticate')))?.[1];
    expect((await at(String(metadata))).body).toMatchObject({ resource: `${issuerWithPath}/admin` });
  });

  it.each(['/Auth', '/auth/', '/auth/auth', '/authx', ''])(
    'is not below %s [issuer-path, RFC 8414 §3.1]',
    async (path) => {
      const { origin } = new URL(issuerWithPath);
      const { status } = await call(`${origin}${path}/.well-known/jwks.json`, { redirect: 'manual' });
      expect(status).toBe(404);
    },
  );
});
