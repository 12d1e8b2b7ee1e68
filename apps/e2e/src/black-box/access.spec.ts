import { createHmac, createPublicKey, type KeyObject } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt, SignJWT, type JWK } from 'jose';
import { current, type SigningKey } from '@lanyard/local-system';
import { batchProcessor, call, inspect, issuer, jobsApi, signingKeys, tokenOf } from '../system-under-test.ts';

let privateKey: KeyObject;
let publicJwk: JWK;
let valid: string;

beforeAll(async () => {
  // The server's own signing key, so that only the property under test is wrong with a token.
  [{ publicJwk, privateKey }] = (await signingKeys(current)) as [SigningKey];
  valid = await tokenOf('batch-processor');
});

const sign = (claims: object = {}, header: object = {}) =>
  new SignJWT({ ...decodeJwt(valid), ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: publicJwk.kid, ...header })
    .sign(privateKey);
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

function hmacWithPublicKey(): string {
  const input = `${encode({ alg: 'HS256', typ: 'at+jwt', kid: publicJwk.kid })}.${encode(decodeJwt(valid))}`;
  const pem = createPublicKey({ key: publicJwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  return `${input}.${createHmac('sha256', pem).update(input).digest('base64url')}`;
}

describe('the jobs API', () => {
  it('accepts a token that the server issued, and one signed with the same key', async () => {
    expect((await call(`${jobsApi}/jobs`, bearer(valid))).status).toBe(200);
    expect((await call(`${jobsApi}/jobs`, bearer(await sign()))).status).toBe(200);
  });

  it.each<[string, () => string | Promise<string>, RegExp]>([
    [
      'an expired token [token-times, RFC 7519 §4.1]',
      () => sign({ exp: Math.floor(Date.now() / 1000) - 10 }),
      /the access token expired/,
    ],
    [
      'a token for another audience [audience, RFC 9068 §4]',
      () => sign({ aud: batchProcessor }),
      /the access token is invalid/,
    ],
    ['a token from another issuer [issuer, RFC 9068 §4]', () => sign({ iss: 'https://other.example' }), /is invalid/],
    [
      'a tampered token [signature, RFC 7518 §3.4]',
      () => valid.replace(/\.[^.]+\./, `.${encode({ ...decodeJwt(valid), scope: 'reports:read' })}.`),
      /is invalid/,
    ],
    [
      'a token with alg none [algorithm-allow-list, RFC 8725 §3.1]',
      () => `${encode({ alg: 'none', typ: 'at+jwt', kid: publicJwk.kid })}.${encode(decodeJwt(valid))}.`,
      /is invalid/,
    ],
    [
      'a token signed with HS256 and the public key [algorithm-allow-list, RFC 8725 §3.1]',
      hmacWithPublicKey,
      /is invalid/,
    ],
    ['a token with typ JWT [explicit-type, RFC 9068 §4]', () => sign({}, { typ: 'JWT' }), /is invalid/],
    ['a token with an unknown key id', () => sign({}, { kid: 'unknown' }), /is invalid/],
    [
      'a token with an unknown critical header [critical-headers, RFC 7515 §4.1.11]',
      () =>
        new SignJWT(decodeJwt(valid))
          .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: publicJwk.kid, crit: ['x'], x: 1 })
          .sign(privateKey, { crit: { x: true } }),
      /is invalid/,
    ],
    ['text that is not a token', () => 'nonsense', /is invalid/],
  ])('refuses %s [invalid-token, RFC 6750 §3.1]', async (_, token, description) => {
    const { status, headers, body } = await call(`${jobsApi}/jobs`, bearer(await token()));
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toMatch(
      /^Bearer error="invalid_token", error_description="[^"]+", resource_metadata="[^"]+"$/,
    );
    expect(headers.get('content-type')).toMatch('application/problem+json');
    expect(body).toMatchObject({
      status: 401,
      title: 'Invalid access token',
      error: 'invalid_token',
      detail: expect.stringMatching(description),
    });
  });

  it('challenges a request without a token, and names no error [no-error-without-credentials, RFC 6750 §3.1] [resource-metadata-address, RFC 9728 §3.1]', async () => {
    const { status, headers, body } = await call(`${jobsApi}/jobs`);
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe(
      `Bearer scope="jobs:read", resource_metadata="${jobsApi}/.well-known/oauth-protected-resource"`,
    );
    expect(body).toMatchObject({ status: 401, title: 'Access token missing' });
  });

  it.each<[string, () => [string, RequestInit]]>([
    ['in the query [header-only, RFC 6750 §5.3]', () => [`/jobs?access_token=${valid}`, {}]],
    [
      'in a JSON body in addition to the header [header-only, RFC 6750 §5.3]',
      () => [
        '/jobs',
        {
          method: 'POST',
          body: JSON.stringify({ access_token: valid }),
          headers: { 'content-type': 'application/json', authorization: `Bearer ${valid}` },
        },
      ],
    ],
    [
      'in the query in addition to the header [header-only, RFC 6750 §5.3]',
      () => [`/jobs?access_token=${valid}`, bearer(valid)],
    ],
    ['in a malformed header [malformed-request, RFC 6750 §3.1]', () => ['/jobs', bearer(`${valid} x`)]],
  ])('refuses a token %s', async (_, request) => {
    const [path, init] = request();
    const { status, headers, body } = await call(jobsApi + path, init);
    expect([status, body.error]).toEqual([400, 'invalid_request']);
    expect(headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_request"/);
  });

  it.each([
    ['a form body', new URLSearchParams({ access_token: 'x' }).toString(), 'application/x-www-form-urlencoded'],
    ['a JSON body', '{"access_token":"x"}', 'application/json'],
  ])('accepts no token in %s [header-only, RFC 6750 §5.3]', async (_, text, type) => {
    const body = text.replace('x', valid);
    const init = { method: 'POST', body, headers: { 'content-type': type } };
    expect((await call(`${jobsApi}/jobs`, init)).status).toBe(401);
  });

  const id = '00000000-0000-7000-8000-000000000000';
  const routes = [
    ['GET', '/jobs', 'jobs:read'],
    ['POST', '/jobs', 'jobs:write'],
    ['GET', `/jobs/${id}`, 'jobs:read'],
    ['POST', '/jobs/claim', 'jobs:write'],
    ['POST', `/jobs/${id}/heartbeat`, 'jobs:write'],
    ['POST', '/jobs/complete', 'jobs:write'],
    ['POST', `/jobs/${id}/complete`, 'jobs:write'],
    ['POST', `/jobs/${id}/fail`, 'jobs:write'],
    ['POST', `/jobs/${id}/release`, 'jobs:write'],
    ['POST', `/jobs/${id}/retry`, 'jobs:write'],
    ['POST', '/files', 'jobs:write'],
    ['GET', '/files', 'jobs:read'],
    ['DELETE', `/files/${'0'.repeat(64)}`, 'jobs:write'],
    ['GET', `/files/${'0'.repeat(64)}`, 'jobs:read'],
    ['GET', '/reports/jobs', 'reports:read'],
    ['GET', '/reports/throughput', 'reports:read'],
    ['GET', '/reports/durations', 'reports:read'],
    ['GET', '/reports/columns', 'reports:read'],
  ] as const;
  it.each(routes)(
    'refuses %s %s to a client without the scope %s, and names the scope [insufficient-scope, RFC 6750 §3.1]',
    async (method, path, scope) => {
      const unauthorizedClient = path.startsWith('/reports') ? 'batch-processor' : 'report-generator';
      const { status, headers, body } = await call(jobsApi + path, {
        method,
        ...bearer(await tokenOf(unauthorizedClient)),
      });
      expect([status, body.error, body.scope]).toEqual([403, 'insufficient_scope', scope]);
      expect(headers.get('www-authenticate')).toContain(`error="insufficient_scope"`);
      expect(headers.get('www-authenticate')).toContain(`scope="${scope}"`);
    },
  );
  it.each(routes)('allows %s %s to a client with the scope %s', async (method, path, _scope) => {
    const authorizedClient = path.startsWith('/reports') ? 'report-generator' : 'batch-processor';
    const { status } = await call(jobsApi + path, { method, ...bearer(await tokenOf(authorizedClient)) });
    expect([200, 400, 404, 415]).toContain(status);
  });
});

describe('POST /runs of the batch processor', () => {
  it('accepts only a token with its own audience and scope [audience-restriction, RFC 9700 §2.3]', async () => {
    const start = async (token?: string) =>
      (await call(`${batchProcessor}/runs`, { method: 'POST', ...(token && bearer(token)) })).status;
    expect(await start()).toBe(401);
    expect(await start(valid)).toBe(401);
    expect(await start(await sign({ aud: batchProcessor }))).toBe(403);
    expect(await start(await tokenOf('jobs-cli', 'runs:write'))).toBe(202);
  });
});

describe('each service', () => {
  it.each(['auth-server', 'batch-processor', 'jobs-api'] as const)(
    'reports that it is live and ready, exposes metrics, and sends security headers: %s [security-headers, Lanyard]',
    async (name) => {
      expect(JSON.parse((await inspect(name, '/health/live')).text)).toEqual({ status: 'ok' });
      expect((await inspect(name, '/health/ready')).status).toBe(200);
      const metrics = await inspect(name, '/metrics');
      expect(metrics.text).toMatch(new RegExp(`process_start_time_seconds\\{service="${name}"`));
      expect(metrics.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'x-request-id': expect.any(String),
      });
    },
  );

  it.each([issuer, batchProcessor, jobsApi])(
    'exposes neither health nor metrics to callers at %s [management-listener, Lanyard]',
    async (url) => {
      for (const path of ['/health', '/health/live', '/health/ready', '/metrics']) {
        expect([path, (await call(url + path)).status]).toEqual([path, 404]);
      }
    },
  );
});
