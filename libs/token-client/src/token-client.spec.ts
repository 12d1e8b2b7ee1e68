import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startAuthorizationServer, type TestAuthorizationServer } from '@lanyard/testing';
import { secretFromFile, TokenClient, type TokenClientOptions, type TokenEvent } from './index.ts';
import { retryAfterOf } from './token-request-error.ts';

const secret = 'p+r%t:e r&é';
const audience = 'https://badges.example';
let server: TestAuthorizationServer;
let events: TokenEvent[];

beforeEach(async () => {
  server = await startAuthorizationServer({ porter: { secret, scope: 'a b', audience } });
  events = [];
});
afterEach(async () => {
  jest.useRealTimers();
  await server.stop();
});

const client = (options: Partial<TokenClientOptions> = {}) =>
  new TokenClient({
    issuer: server.issuer,
    clientId: 'porter',
    clientSecret: secret,
    onTokenEvent: (event) => events.push(event),
    ...options,
  });
const requests = () => server.tokenRequests.length;
/** Moves the clock without waiting; sockets and their timers stay real. */
const pass = (seconds: number) => {
  const now = Date.now() + seconds * 1000;
  jest.useFakeTimers({
    now,
    doNotFake: [
      'setTimeout',
      'setInterval',
      'setImmediate',
      'nextTick',
      'queueMicrotask',
      'performance',
      'clearTimeout',
      'clearInterval',
      'clearImmediate',
      'hrtime',
    ],
  });
};
const until = async (condition: () => boolean) => {
  for (let i = 0; i < 300 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
};

describe('getToken', () => {
  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    'obtains a token by %s, whatever the secret holds',
    async (authenticationMethod) => {
      const token = await client({ authenticationMethod, scope: 'a', resource: audience }).getToken();
      expect(token).toMatchObject({ value: expect.stringMatching(/^ey/), scope: 'a' });
      expect(server.tokenRequests).toMatchObject([
        {
          method: authenticationMethod,
          clientId: 'porter',
          parameters: { grant_type: 'client_credentials', scope: 'a', resource: audience },
        },
      ]);
    },
  );

  it('makes one request for many callers, and none while the token is fresh', async () => {
    const tokens = client();
    const many = await Promise.all(Array.from({ length: 50 }, () => tokens.getToken()));
    expect(new Set(many.map(({ value }) => value)).size).toBe(1);
    await tokens.getToken();
    expect(requests()).toBe(1);
  });

  it('keeps tokens of different scopes and resources apart, and does not mind the order of a scope', async () => {
    const tokens = client();
    const [a, b, ab, ba, elsewhere] = [
      await tokens.getToken({ scope: 'a' }),
      await tokens.getToken({ scope: 'b' }),
      await tokens.getToken({ scope: 'a b' }),
      await tokens.getToken({ scope: 'b a' }),
      await tokens.getToken({ scope: 'a', resource: 'https://other.example' }),
    ];
    expect([a.scope, b.scope, ab.scope]).toEqual(['a', 'b', 'a b']);
    expect(ba.value).toBe(ab.value);
    expect(new Set([a, b, ab, elsewhere].map(({ value }) => value)).size).toBe(4);
    expect(requests()).toBe(4);
  });

  it('renews in the background before the token expires, and serves the old one meanwhile', async () => {
    const tokens = client();
    const old = await tokens.getToken();
    pass(0.64 * 600);
    await tokens.getToken();
    expect(requests()).toBe(1);
    pass(0.12 * 600);
    expect((await tokens.getToken()).value).toBe(old.value);
    await until(() => requests() === 2);
    await until(() => events.length === 2);
    expect((await tokens.getToken()).value).not.toBe(old.value);
  });

  it('serves a token until it expires while the server is away, tries again rarely, and recovers', async () => {
    const tokens = client();
    const old = await tokens.getToken();
    await server.stop();
    pass(500);
    for (let i = 0; i < 20; i++) expect((await tokens.getToken()).value).toBe(old.value);
    await until(() => events.some(({ type }) => type === 'renewal failed'));
    for (let i = 0; i < 20; i++) expect((await tokens.getToken()).value).toBe(old.value);
    expect(events.filter(({ type }) => type === 'renewal failed')).toHaveLength(1);
    pass(101);
    await expect(tokens.getToken()).rejects.toThrow(
      'temporarily_unavailable: the authorization server cannot be reached',
    );
    await server.start();
    expect((await tokens.getToken()).value).not.toBe(old.value);
  });

  it.each([
    [503, '/token'],
    [429, '/token'],
    [500, '/.well-known/oauth-authorization-server'],
  ])('tries again after %i at %s, not before Retry-After', async (status, path) => {
    server.failNext(path, status, { headers: { 'retry-after': '1' } });
    const start = performance.now();
    await expect(client().getToken()).resolves.toBeDefined();
    expect(performance.now() - start).toBeGreaterThan(1000);
  });

  it('gives up after some attempts', async () => {
    server.failNext('/token', 503, { times: 100 });
    await expect(client().getToken()).rejects.toThrow(expect.objectContaining({ code: 'temporarily_unavailable' }));
  });

  it.each<[string, Partial<TokenClientOptions>, string]>([
    ['a wrong secret', { clientSecret: 'wrong' }, 'invalid_client'],
    ['an unknown client', { clientId: 'nobody' }, 'invalid_client'],
    ['a scope that is too wide', { scope: 'a b c' }, 'invalid_scope'],
  ])('does not repeat what cannot help: %s', async (_, options, code) => {
    await expect(client(options).getToken()).rejects.toThrow(
      expect.objectContaining({ name: 'TokenRequestError', code }),
    );
    expect(requests()).toBe(1);
  });

  it('reads the secret again for each request, and once more where it was replaced in between', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'lanyard-')), 'client_secret');
    writeFileSync(file, `${secret}\n`);
    await client({ clientSecret: secretFromFile(file) }).getToken();
    const secrets = ['replaced', secret];
    await client({ clientSecret: () => secrets.shift() ?? '' }).getToken();
    expect(requests()).toBe(3);
    await expect(client({ clientSecret: secretFromFile('/nowhere') }).getToken()).rejects.toThrow(
      'the client secret cannot be read',
    );
  });

  it('refuses plain http to other hosts, unless it is allowed', () => {
    const options = { issuer: 'http://auth.example' };
    expect(() => client(options)).toThrow('is not https');
    expect(() => client({ ...options, allowInsecureRequests: true })).not.toThrow();
  });

  it('tells what happened, and never a token or a secret', async () => {
    const tokens = client({ scope: 'a' });
    const token = await tokens.getToken();
    tokens.drop(token);
    expect(events).toEqual([
      { type: 'obtained', clientId: 'porter', scope: 'a', resource: undefined, granted: 'a', expiresIn: 600 },
      { type: 'dropped', clientId: 'porter', scope: 'a', resource: undefined },
    ]);
    await expect(client({ clientSecret: 'hush-hush' }).getToken()).rejects.not.toThrow('hush-hush');
  });
});

describe('fetch', () => {
  let api: Server;
  let seen: { token: string; body: string }[];
  let refuse: (token: string, count: number) => { status: number; challenge?: string } | undefined;
  let url: string;

  beforeEach(async () => {
    seen = [];
    refuse = () => undefined;
    api = createServer(async (request, response) => {
      const token = request.headers.authorization?.slice(7) ?? '';
      let body = '';
      for await (const chunk of request) body += chunk;
      seen.push({ token, body });
      const { status, challenge } = refuse(token, seen.length) ?? { status: 200 };
      response.writeHead(status, challenge ? { 'www-authenticate': challenge } : {}).end();
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => api.once('listening', resolve));
    url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  });
  afterEach(
    () =>
      new Promise((resolve) => {
        api.close(resolve);
        api.closeAllConnections();
      }),
  );

  const invalidToken = { status: 401, challenge: 'Bearer realm="x", error="invalid_token"' };
  const post = { method: 'POST', body: 'hello', headers: { 'x-own': '1' } };

  it('sends the token in the header', async () => {
    const tokens = client();
    expect((await tokens.fetch()(url, post)).status).toBe(200);
    expect(seen).toEqual([{ token: (await tokens.getToken()).value, body: 'hello' }]);
  });

  it('gets a new token where one is refused as invalid, and repeats the request once', async () => {
    const tokens = client();
    const { value: revoked } = await tokens.getToken();
    refuse = (token) => (token === revoked ? invalidToken : undefined);
    expect((await tokens.fetch()(url, post)).status).toBe(200);
    expect(seen.map(({ body }) => body)).toEqual(['hello', 'hello']);
    expect(requests()).toBe(2);
  });

  it('repeats a Request object too', async () => {
    refuse = (_, count) => (count === 1 ? invalidToken : undefined);
    expect((await client().fetch()(new Request(url, post))).status).toBe(200);
    expect(seen.map(({ body }) => body)).toEqual(['hello', 'hello']);
  });

  it('does not go round in circles', async () => {
    refuse = () => invalidToken;
    expect((await client().fetch()(url, post)).status).toBe(401);
    expect([seen.length, requests()]).toEqual([2, 2]);
  });

  it('makes one token request for many refusals at once', async () => {
    const tokens = client();
    const { value: revoked } = await tokens.getToken();
    refuse = (token) => (token === revoked ? invalidToken : undefined);
    const answers = await Promise.all(Array.from({ length: 30 }, () => tokens.fetch()(url, post)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(requests()).toBe(2);
  });

  it.each([
    ['a 401 for another reason', { status: 401, challenge: 'Bearer realm="x"' }],
    ['a 403', { status: 403, challenge: 'Bearer error="insufficient_scope"' }],
    ['a 500', { status: 500 }],
  ])('does not repeat after %s', async (_, refusal) => {
    refuse = () => refusal;
    expect((await client().fetch()(url, post)).status).toBe(refusal.status);
    expect([seen.length, requests()]).toEqual([1, 1]);
  });

  it('does not repeat a stream, but has a new token for the next request', async () => {
    refuse = (_, count) => (count === 1 ? invalidToken : undefined);
    const call = client().fetch();
    const stream = { method: 'POST', body: new Blob(['hello']).stream(), duplex: 'half' } as RequestInit;
    expect((await call(url, stream)).status).toBe(401);
    expect((await call(url, post)).status).toBe(200);
    expect(requests()).toBe(2);
  });
});

describe('Retry-After', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  it.each([
    ['7', 7],
    ['Thu, 01 Jan 2026 00:00:09 GMT', 9],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['86400', 30],
    ['soon', undefined],
  ])('%s means %s seconds', (value, seconds) => {
    expect(retryAfterOf(new Headers({ 'retry-after': value }), now)).toBe(seconds);
  });
});
