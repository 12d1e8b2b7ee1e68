import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Management } from '@lanyard/service-defaults';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { connect } from 'node:net';
import { basic, postToken, provisionedDatabase } from '../../auth-server.fixture.ts';
import { RegistryChanges } from '../../replicas/registry-changes.ts';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let app: NestFastifyApplication;
let logs: string[];
let secret: string;

beforeAll(async () => {
  database = await provisionedDatabase();
  ({ app, logs } = await database.startReplica());
  secret = database.secretOf('batch-processor');
  await database.owner.query(`
    INSERT INTO client (client_id, client_name, grant_types, scope, default_scope, disabled_at, access_token_lifetime) VALUES
      ('disabled', 'Disabled', '{client_credentials}', '{jobs:read}', '{jobs:read}', now(), null),
      ('no-grant', 'Without the grant', '{}', '{jobs:read}', '{jobs:read}', null, null),
      ('short', 'Short tokens', '{client_credentials}', '{jobs:read}', '{jobs:read}', null, 60)`);
  await database.owner.query(`
    INSERT INTO client_secret (client_id, digest, hint, expires_at)
      SELECT c, sha256('s3cret'), 'cret', NULL FROM unnest(ARRAY['disabled', 'no-grant', 'short']) c
      UNION ALL SELECT 'short', sha256('expired'), 'ired', now() - interval '1 minute'
      UNION ALL SELECT 'short', sha256('second'), 'cond', now() + interval '1 hour'`);
  await app.get(RegistryChanges).requireCaughtUp();
});
afterAll(async () => {
  await app?.close();
  await database?.owner.end();
});

/** The address of the server, for malformed requests that `inject` cannot send. */
async function listening(): Promise<string> {
  if (!app.getHttpServer().listening) await app.listen(0, '127.0.0.1');
  return app.getUrl();
}

const grant = { grant_type: 'client_credentials' };
const noStore = { 'cache-control': 'no-store' };

describe('POST /oauth/token', () => {
  it.each(['client_secret_basic', 'client_secret_post'])(
    'issues a token by %s [client-secret-methods, RFC 6749 §2.3.1]',
    async (method) => {
      const response =
        method === 'client_secret_basic'
          ? await postToken(app, grant, { authorization: basic('batch-processor', secret) })
          : await postToken(app, { ...grant, client_id: 'batch-processor', client_secret: secret });
      expect(response.statusCode).toBe(200);
      expect(response.headers).toMatchObject({ ...noStore, 'content-type': 'application/json; charset=utf-8' });
      const body = response.json();
      expect(body).toEqual({
        access_token: expect.any(String),
        token_type: 'Bearer',
        expires_in: 600,
        scope: 'jobs:read jobs:write',
      });
      const jwks = (await app.inject('/.well-known/jwks.json')).json();
      const { payload, protectedHeader } = await jwtVerify(body.access_token, createLocalJWKSet(jwks));
      expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: jwks.keys[0].kid });
      expect(payload).toEqual({
        iss: 'http://localhost:3000',
        sub: 'batch-processor',
        client_id: 'batch-processor',
        aud: 'http://localhost:3002',
        scope: 'jobs:read jobs:write',
        jti: expect.any(String),
        grant_id: expect.stringMatching(/^[\w-]{22}$/),
        iat: expect.any(Number),
        exp: payload.iat! + 600,
      });
    },
  );

  it.each<[string, Record<string, string>, string]>([
    ['the requested scope', { scope: 'jobs:read' }, 'jobs:read'],
    [
      'an empty scope as the default [empty-parameter, RFC 6749 §3.2] [default-scope, RFC 6749 §3.3]',
      { scope: '' },
      'jobs:read jobs:write',
    ],
    [
      'a resource with the default scope [resource-indicators, RFC 8707 §2]',
      { resource: 'http://localhost:3002' },
      'jobs:read jobs:write',
    ],
    ['a resource with a requested scope', { resource: 'http://localhost:3002', scope: 'jobs:write' }, 'jobs:write'],
    ['unknown parameters [unknown-parameter, RFC 6749 §3.2]', { colour: 'blue' }, 'jobs:read jobs:write'],
    ['its client_id repeated in the body', { client_id: 'batch-processor' }, 'jobs:read jobs:write'],
  ])('accepts %s [scope-in-response, RFC 6749 §5.1]', async (_, parameters, scope) => {
    const response = await postToken(
      app,
      { ...grant, ...parameters },
      { authorization: basic('batch-processor', secret) },
    );
    expect(response.json()).toMatchObject({ scope });
  });

  it('gives a client its own lifetime, and accepts each of its live secrets', async () => {
    for (const live of ['s3cret', 'second']) {
      const response = await postToken(app, grant, { authorization: basic('short', live) });
      expect(response.json()).toMatchObject({ expires_in: 60 });
    }
  });

  const json = { 'content-type': 'application/json' };
  it.each<[string, Record<string, string> | string, Record<string, string>, number, string]>([
    ['no grant_type', { scope: 'jobs:read' }, {}, 400, 'invalid_request'],
    ['an empty grant_type [empty-parameter, RFC 6749 §3.2]', { grant_type: '' }, {}, 400, 'invalid_request'],
    [
      'the password grant [only-client-credentials, RFC 9700 §2.4]',
      { grant_type: 'password' },
      {},
      400,
      'unsupported_grant_type',
    ],
    [
      'the refresh token grant [only-client-credentials, RFC 9700 §2.4]',
      { grant_type: 'refresh_token' },
      {},
      400,
      'unsupported_grant_type',
    ],
    [
      'a repeated parameter [repeated-parameter, RFC 6749 §3.2]',
      'grant_type=client_credentials&scope=a&scope=b',
      {},
      400,
      'invalid_request',
    ],
    [
      'a repeated empty parameter [repeated-parameter, RFC 6749 §3.2]',
      'grant_type=client_credentials&x=&x=',
      {},
      400,
      'invalid_request',
    ],
    ['two resources', 'grant_type=client_credentials&resource=https://a&resource=https://b', {}, 400, 'invalid_target'],
    ['a JSON body [form-encoding-only, RFC 6749 §3.2]', JSON.stringify(grant), json, 400, 'invalid_request'],
    ['a text body [form-encoding-only, RFC 6749 §3.2]', 'x', { 'content-type': 'text/plain' }, 400, 'invalid_request'],
    ['a body that is too large [body-limit, Lanyard]', `x=${'a'.repeat(20_000)}`, {}, 400, 'invalid_request'],
    [
      'a scope that is too wide [scope-not-widened, RFC 6749 §3.3]',
      { ...grant, scope: 'jobs:read reports:read' },
      {},
      400,
      'invalid_scope',
    ],
    ['an unknown scope', { ...grant, scope: 'nothing' }, {}, 400, 'invalid_scope'],
    [
      'a malformed scope [scope-syntax, RFC 6749 §3.3]',
      { ...grant, scope: 'jobs:read  jobs:write' },
      {},
      400,
      'invalid_scope',
    ],
    [
      'an unknown resource [resource-indicators, RFC 8707 §2]',
      { ...grant, resource: 'https://other.example' },
      {},
      400,
      'invalid_target',
    ],
    [
      'a resource not for this client [resource-indicators, RFC 8707 §2]',
      { ...grant, resource: 'http://localhost:3001' },
      {},
      400,
      'invalid_target',
    ],
    ['a relative resource', { ...grant, resource: '/jobs' }, {}, 400, 'invalid_target'],
    ['a resource with a fragment', { ...grant, resource: 'http://localhost:3002#x' }, {}, 400, 'invalid_target'],
    [
      'both methods at once [one-authentication-method, RFC 6749 §2.3]',
      { ...grant, client_id: 'batch-processor', client_secret: 'x' },
      {},
      400,
      'invalid_request',
    ],
    [
      "another client's client_id [one-authentication-method, RFC 6749 §2.3]",
      { ...grant, client_id: 'jobs-api' },
      {},
      400,
      'invalid_request',
    ],
    ['a client assertion [no-assertions, RFC 7523 §3]', { ...grant, client_assertion: 'x' }, {}, 401, 'invalid_client'],
  ])(
    'refuses %s [no-store, RFC 6749 §5.1] [error-response, RFC 6749 §5.2]',
    async (_, form, headers, status, error) => {
      const response = await postToken(app, form, { authorization: basic('batch-processor', secret), ...headers });
      expect(response.statusCode).toBe(status);
      expect(response.headers).toMatchObject(noStore);
      expect(response.json()).toEqual({
        error,
        error_description: expect.stringMatching(/^[\x20\x21\x23-\x5B\x5D-\x7E]+$/),
      });
    },
  );

  it('refuses a client without the grant [unauthorized-client, RFC 6749 §5.2]', async () => {
    const response = await postToken(app, grant, { authorization: basic('no-grant', 's3cret') });
    expect([response.statusCode, response.json().error]).toEqual([400, 'unauthorized_client']);
  });

  it('refuses a request without scope for a client without a default scope [default-scope, RFC 6749 §3.3]', async () => {
    const response = await postToken(app, grant, { authorization: basic('jobs-api', database.secretOf('jobs-api')) });
    expect([response.statusCode, response.json().error]).toEqual([400, 'invalid_scope']);
  });

  it('refuses a scope that spans two resources, and accepts either with its resource [scope-of-one-resource, RFC 9068 §3]', async () => {
    const authorization = basic('jobs-cli', database.secretOf('jobs-cli'));
    const both = await postToken(app, { ...grant, scope: 'jobs:read runs:write' }, { authorization });
    expect(both.json()).toMatchObject({
      error: 'invalid_scope',
      error_description: expect.stringContaining('several'),
    });
    const one = await postToken(app, { ...grant, scope: 'runs:write' }, { authorization });
    expect(one.json()).toMatchObject({ scope: 'runs:write' });
    const mixed = { ...grant, scope: 'runs:write', resource: 'http://localhost:3002' };
    expect((await postToken(app, mixed, { authorization })).json()).toMatchObject({ error: 'invalid_scope' });
  });

  it.each<[string, Record<string, string>, Record<string, string>]>([
    ['a wrong secret', {}, { authorization: basic('batch-processor', 'guess') }],
    ['an unknown client', {}, { authorization: basic('nobody', 'guess') }],
    ['a disabled client', {}, { authorization: basic('disabled', 's3cret') }],
    ['an expired secret', {}, { authorization: basic('short', 'expired') }],
    ['a client without secrets, and none given', { client_id: 'jobs-api' }, {}],
    ['an empty secret', {}, { authorization: basic('batch-processor', '') }],
    ['no client authentication', {}, {}],
    ['another scheme', {}, { authorization: 'Bearer x' }],
    ['a certificate in a header', { client_id: 'batch-processor' }, { 'client-cert': ':MIIB:', 'x-client-cert': 'x' }],
    ['Basic without a colon', {}, { authorization: `Basic ${Buffer.from('x').toString('base64')}` }],
    ['Basic that is not base64', {}, { authorization: 'Basic %%%' }],
    ['Basic that is not form-encoded', {}, { authorization: `Basic ${Buffer.from('a%:b').toString('base64')}` }],
    ['an identifier with NUL', {}, { authorization: basic('a\0b', 'x') }],
    ['an identifier that is too long', {}, { authorization: basic('a'.repeat(5000), 'x') }],
  ])(
    'answers %s with the same words [same-answer, RFC 6749 §5.2] [invalid-client-answer, RFC 6749 §5.2]',
    async (_, form, headers) => {
      const response = await postToken(app, { ...grant, ...form }, headers);
      expect(response.statusCode).toBe(401);
      expect(response.headers).toMatchObject({ ...noStore, 'www-authenticate': 'Basic realm="lanyard"' });
      expect(response.json()).toEqual({ error: 'invalid_client', error_description: 'client authentication failed' });
    },
  );

  it.each<[string, Record<string, string> | string, Record<string, string>?]>([
    ['a scope', { ...grant, scope: 'hush' }],
    ['a resource', { ...grant, resource: 'hush' }],
    ['a grant type', { grant_type: 'hush' }],
    ['a client_id', { ...grant, client_id: 'hush' }],
    ['a second secret', { ...grant, client_secret: 'hush' }],
    ['a wrong secret', grant, { authorization: basic('batch-processor', 'hush') }],
    ['a parameter that is sent twice', 'hush=hush&hush=hush'],
    ['a body of another type', 'hush', { 'content-type': 'text/hush' }],
  ])('repeats nothing of %s in its answer [errors-repeat-nothing, Lanyard]', async (_, form, headers = {}) => {
    const response = await postToken(app, form, { authorization: basic('batch-processor', secret), ...headers });
    expect(response.statusCode).toBeGreaterThanOrEqual(400);
    expect(JSON.stringify([response.headers, response.body])).not.toContain('hush');
  });

  it('is the same endpoint however its address is spelled [no-store, RFC 6749 §5.1]', async () => {
    for (const authorization of [basic('batch-processor', secret), basic('batch-processor', 'guess')]) {
      const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
      const spelled = await app.inject({
        method: 'POST',
        url: '/%6fauth/token',
        headers,
        payload: 'grant_type=client_credentials',
      });
      const plain = await postToken(app, grant, { authorization });
      expect([spelled.statusCode, spelled.headers['cache-control']]).toEqual([plain.statusCode, 'no-store']);
    }
  });

  it('form-decodes identifier and secret in Basic [basic-form-decoding, RFC 6749 §2.3.1]', async () => {
    const encoded = Buffer.from('batch-processor').toString('hex').replaceAll(/../g, '%$&');
    const authorization = `Basic ${Buffer.from(`${encoded}:${encodeURIComponent(secret)}`).toString('base64')}`;
    expect((await postToken(app, grant, { authorization })).statusCode).toBe(200);
  });

  it('takes parameters only from the body [no-query-parameters, RFC 6749 §3.2]', async () => {
    const url = '/oauth/token?grant_type=client_credentials';
    const response = await app.inject({
      method: 'POST',
      url,
      headers: { authorization: basic('batch-processor', secret) },
    });
    expect([response.statusCode, response.json().error]).toEqual([400, 'invalid_request']);
  });

  it('refuses more parameters than any request needs [parameter-limit, Lanyard]', async () => {
    const many = Array.from({ length: 60 }, (_, i) => `p${i}=`).join('&');
    const response = await postToken(app, `grant_type=client_credentials&${many}`);
    expect([response.statusCode, response.json().error]).toEqual([400, 'invalid_request']);
  });

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'] as const)('refuses %s [post-only, RFC 6749 §3.2]', async (method) => {
    const response = await app.inject({ method, url: '/oauth/token' });
    expect([response.statusCode, response.headers.allow, response.headers['cache-control']]).toEqual([
      405,
      'POST',
      'no-store',
    ]);
  });

  it('logs which client obtained which scope, and no secret or token [no-secret-in-output, Lanyard]', async () => {
    const token = (await postToken(app, grant, { authorization: basic('batch-processor', secret) })).json()
      .access_token;
    await postToken(app, { ...grant, client_id: secret, client_secret: secret });
    const all = logs.join('');
    expect(all.includes('"client_id":"batch-processor"')).toBe(true);
    expect(all.includes('"reason":"disabled client"')).toBe(true);
    for (const forbidden of [secret, token, token.split('.')[2], 's3cret', basic('batch-processor', secret)]) {
      expect(all.includes(forbidden)).toBe(false);
    }
  });
});

describe('the rest of the server', () => {
  it('publishes its metadata [server-metadata, RFC 8414 §2]', async () => {
    const response = await app.inject('/.well-known/oauth-authorization-server');
    expect(response.json()).toEqual({
      issuer: 'http://localhost:3000',
      authorization_endpoint: 'http://localhost:3000/oauth/authorize',
      token_endpoint: 'http://localhost:3000/oauth/token',
      jwks_uri: 'http://localhost:3000/.well-known/jwks.json',
      scopes_supported: [
        'jobs:read',
        'jobs:write',
        'reports:read',
        'runs:write',
        'clients:read',
        'clients:write',
        'keys:read',
        'keys:rotate',
        'tokens:revoke',
        'audit:read',
      ],
      response_types_supported: [],
      id_token_signing_alg_values_supported: ['ES256'],
      subject_types_supported: ['public'],
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      revocation_endpoint: 'http://localhost:3000/oauth/revoke',
      revocation_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      introspection_endpoint: 'http://localhost:3000/oauth/introspect',
      introspection_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      introspection_signing_alg_values_supported: ['ES256'],
      revocations_uri: 'http://localhost:3000/oauth/revocations',
    });
  });

  it('publishes only public keys [public-members-only, RFC 7517 §5] [jwk-set, RFC 7517 §5]', async () => {
    const { keys } = (await app.inject('/.well-known/jwks.json')).json();
    expect(keys).toEqual([
      {
        kty: 'EC',
        crv: 'P-256',
        x: expect.any(String),
        y: expect.any(String),
        kid: expect.any(String),
        alg: 'ES256',
        use: 'sig',
      },
    ]);
  });

  it('is live and ready, and serves its metrics', async () => {
    expect((await app.get(Management).inject('/health/live')).json()).toEqual({ status: 'ok' });
    const ready = await app.get(Management).inject('/health/ready');
    expect(ready.json().details['registry changes']).toEqual({ status: 'up' });
    expect([ready.statusCode, Object.keys(ready.json().details).toSorted()]).toEqual([
      200,
      ['clients', 'database', 'registry changes', 'revocations', 'signing key'],
    ]);
    expect((await app.get(Management).inject('/metrics')).body).toMatch(
      /lanyard_client_authentications_total\{outcome="succeeded".*\} \d+/,
    );
  });

  it('refuses a second Authorization header [one-authentication-method, RFC 6749 §2.3]', async () => {
    const authorization = basic('batch-processor', secret);
    const url = new URL('/oauth/token', await listening());
    const answer = await new Promise<string>((resolve) => {
      const body = 'grant_type=client_credentials';
      const head = `POST /oauth/token HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded`;
      const socket = connect(Number(url.port), url.hostname);
      let received = '';
      socket.on('data', (chunk) => (received += String(chunk))).on('close', () => resolve(received));
      socket.write(
        `${head}\r\nauthorization: ${authorization}\r\nauthorization: ${authorization}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
    });
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('{"error":"invalid_request","error_description":"The Authorization header is repeated"}');
  });

  it.each([
    ['/nothing', 404],
    ['/admin/clients', 401],
  ])('reads no form at %s, whatever is wrong with it [no-server-error, Lanyard]', async (url, status) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await app.inject({ method: 'POST', url, headers, payload: 'a=1&a=2' });
    expect(response.statusCode).toBe(status);
  });

  it('answers unknown paths with a problem [problem-bodies, RFC 9457]', async () => {
    const response = await app.inject('/nothing');
    expect([response.statusCode, response.headers['content-type']]).toEqual([
      404,
      'application/problem+json; charset=utf-8',
    ]);
    expect(response.json()).toMatchObject({ type: 'about:blank', title: 'Not Found', status: 404 });
  });
});
