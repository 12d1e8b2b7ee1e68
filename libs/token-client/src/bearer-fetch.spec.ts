import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startAuthorizationServer, type TestAuthorizationServer } from '@lanyard/testing';
import { bearerFetch } from './bearer-fetch.ts';
import { TokenClient } from './index.ts';
import { bodyOf, listen } from './test-support.fixture.ts';

interface Refusal {
  status: number;
  challenge?: string;
}

const invalidToken = { status: 401, challenge: 'Bearer realm="x", error="invalid_token"' };
const post = { method: 'POST', body: 'hello', headers: { 'x-own': '1', authorization: 'Basic mine' } };
let server: TestAuthorizationServer;
let api: Awaited<ReturnType<typeof listen>>;
let seen: { token: string; own: unknown; body: string }[];
let refuse: (token: string, count: number) => Refusal | undefined;
let tokens: TokenClient;

beforeEach(async () => {
  seen = [];
  refuse = () => undefined;
  server = await startAuthorizationServer({ porter: { secret: 's3cret', scope: 'a', audience: 'https://b.example' } });
  tokens = new TokenClient({ issuer: server.issuer, clientId: 'porter', clientSecret: 's3cret' });
  api = await listen(async (request, response) => {
    const { authorization = '', 'x-own': own } = request.headers;
    const token = authorization.replace(/^Bearer /, '');
    seen.push({ token, own, body: await bodyOf(request) });
    const { status, challenge }: Refusal = refuse(token, seen.length) ?? { status: 200 };
    response.writeHead(status, challenge ? { 'www-authenticate': challenge } : {}).end('an answer');
  });
});
afterEach(async () => {
  await api.close();
  await server.stop();
});

const requests = () => server.tokenRequests.length;
const revoke = async () => {
  const { value } = await tokens.getToken();
  refuse = (token) => (token === value ? invalidToken : undefined);
};

describe('fetch', () => {
  it('sends the token in the header, and the rest of the request unchanged', async () => {
    const response = await tokens.fetch()(api.url, post);
    expect([response.status, await response.text()]).toEqual([200, 'an answer']);
    expect(seen).toEqual([{ token: (await tokens.getToken()).value, own: '1', body: 'hello' }]);
  });

  it.each<[string, () => RequestInit['body'], string]>([
    ['a string', () => 'hello', 'hello'],
    ['a buffer', () => Buffer.from('hello'), 'hello'],
    ['a form', () => new URLSearchParams({ a: 'b' }), 'a=b'],
    ['a blob', () => new Blob(['hello']), 'hello'],
  ])('gets a new token if one is refused as invalid, and repeats %s once', async (_, body, text) => {
    await revoke();
    const response = await tokens.fetch()(api.url, { ...post, body: body() });
    expect([response.status, await response.text()]).toEqual([200, 'an answer']);
    expect(seen.map(({ own, body }) => [own, body])).toEqual([
      ['1', text],
      ['1', text],
    ]);
    expect(new Set(seen.map(({ token }) => token)).size).toBe(2);
    expect(requests()).toBe(2);
  });

  it('repeats a Request object too', async () => {
    await revoke();
    expect((await tokens.fetch()(new Request(api.url, post))).status).toBe(200);
    expect(seen.map(({ own, body }) => [own, body])).toEqual([
      ['1', 'hello'],
      ['1', 'hello'],
    ]);
  });

  it('repeats a request only once', async () => {
    refuse = () => invalidToken;
    const response = await tokens.fetch()(api.url, post);
    expect([response.status, await response.text()]).toEqual([401, 'an answer']);
    expect([seen.length, requests()]).toEqual([2, 2]);
  });

  it('repeats a request only once even if each token is a new one', async () => {
    refuse = () => invalidToken;
    let made = 0;
    const getToken = () => Promise.resolve({ value: `token ${++made}`, scope: 'a', expiresAt: Infinity });
    expect((await bearerFetch({ getToken, drop: () => {} })(api.url, post)).status).toBe(401);
    expect(seen.map(({ token }) => token)).toEqual(['token 1', 'token 2']);
  });

  it('does not flood the authorization server if every token is refused', async () => {
    refuse = () => invalidToken;
    for (let i = 0; i < 10; i++) expect((await tokens.fetch()(api.url, post)).status).toBe(401);
    expect([seen.length, requests()]).toEqual([11, 2]);
  });

  it('makes one token request for many refusals at once', async () => {
    await revoke();
    const answers = await Promise.all(Array.from({ length: 30 }, () => tokens.fetch()(api.url, post)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(requests()).toBe(2);
  });

  it.each([
    ['with other parameters', 'Bearer realm="a b", error="invalid_token", error_description="expired"'],
    ['without quotes', 'Bearer error=invalid_token'],
    ['after another scheme', 'Basic realm="x", Bearer error="invalid_token"'],
  ])('recognizes the challenge %s', async (_, challenge) => {
    refuse = (_, count) => (count === 1 ? { status: 401, challenge } : undefined);
    expect((await tokens.fetch()(api.url, post)).status).toBe(200);
  });

  it.each<[string, Refusal]>([
    ['a 401 for another reason', { status: 401, challenge: 'Bearer realm="x"' }],
    ['a 401 that only mentions it', { status: 401, challenge: 'Bearer error_description="error=invalid_token"' }],
    ['a 401 with a similar code', { status: 401, challenge: 'Bearer error=invalid_token_type' }],
    ['a 401 without a challenge', { status: 401 }],
    ['a 403', { status: 403, challenge: 'Bearer error="insufficient_scope"' }],
    ['a 403 that claims it', { status: 403, challenge: 'Bearer error="invalid_token"' }],
    ['a 500', { status: 500 }],
  ])('does not repeat after %s', async (_, refusal) => {
    refuse = () => refusal;
    expect((await tokens.fetch()(api.url, post)).status).toBe(refusal.status);
    expect([seen.length, requests()]).toEqual([1, 1]);
  });

  it.each<[string, () => unknown]>([
    ['a web stream', () => new Blob(['hello']).stream()],
    ['a Node stream', () => Readable.from(['hello'])],
  ])('does not repeat %s, but uses a new token for the next request', async (_, body) => {
    await revoke();
    const call = tokens.fetch();
    const stream = { method: 'POST', body: body(), duplex: 'half' } as RequestInit;
    expect((await call(api.url, stream)).status).toBe(401);
    expect((await call(api.url, post)).status).toBe(200);
    expect([seen.length, requests()]).toEqual([2, 2]);
  });

  it.each<[string, (signal: AbortSignal) => Parameters<typeof fetch>]>([
    ['of the options', (signal) => [api.url, { signal }]],
    ['of the request', (signal) => [new Request(api.url, { signal })]],
  ])('stops waiting for a token at the signal %s', async (_, call) => {
    server.failNext('/token', 503, { headers: { 'retry-after': '1' } });
    let hasToken = false;
    const token = tokens.getToken().then(() => (hasToken = true));
    await expect(tokens.fetch()(...call(AbortSignal.timeout(50)))).rejects.toThrow('aborted due to timeout');
    expect(hasToken).toBe(false);
    await token;
    await expect(tokens.getToken()).resolves.toBeDefined();
    expect(seen).toEqual([]);
  });
});
