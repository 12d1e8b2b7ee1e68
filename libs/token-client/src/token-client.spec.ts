import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startAuthorizationServer, type TestAuthorizationServer } from '@lanyard/testing';
import { TokenClient, type TokenClientOptions, type TokenEvent } from './index.ts';
import { pass, until } from './test-support.fixture.ts';

const secret = 'p+r%t:e r&é';
const audience = 'https://badges.example';
let server: TestAuthorizationServer;
let events: TokenEvent[];

beforeEach(async () => {
  server = await startAuthorizationServer({ porter: { secret, scope: 'a b', audience } });
  events = [];
});
afterEach(async () => {
  jest.restoreAllMocks();
  jest.useRealTimers();
  await server.stop();
});

const client = (options: Partial<TokenClientOptions> = {}) => {
  const own = events;
  return new TokenClient({
    issuer: server.issuer,
    clientId: 'porter',
    clientSecret: secret,
    onTokenEvent: (event) => own.push(event),
    ...options,
  });
};
const requests = () => server.tokenRequests.length;
const failures = () => events.filter(({ type }) => type === 'renewal-failed');

describe('getToken', () => {
  it('returns the token, its scope and its expiry, and nothing else', async () => {
    const before = Date.now();
    const token = await client().getToken();
    expect(token).toEqual({ value: expect.stringMatching(/^ey/), scope: 'a b', expiresAt: expect.any(Number) });
    expect(token.expiresAt).toBeGreaterThanOrEqual(before + 600_000);
    expect(token.expiresAt).toBeLessThan(before + 660_000);
  });

  it('sends one request for many callers, and none while the token is fresh', async () => {
    const tokens = client();
    const many = await Promise.all(Array.from({ length: 50 }, () => tokens.getToken()));
    expect(new Set(many.map(({ value }) => value)).size).toBe(1);
    await tokens.getToken();
    expect(requests()).toBe(1);
  });

  it('keeps a token for each scope and resource, whatever the order of the scope values', async () => {
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

  it('requests the scope and resource of the options, unless the caller names others', async () => {
    const tokens = client({ scope: 'a', resource: audience });
    await tokens.getToken();
    await tokens.getToken({ scope: 'b' });
    await tokens.getToken({ scope: '' });
    expect(server.tokenRequests.map(({ parameters }) => parameters)).toEqual([
      { grant_type: 'client_credentials', scope: 'a', resource: audience },
      { grant_type: 'client_credentials', scope: 'b', resource: audience },
      { grant_type: 'client_credentials', resource: audience },
    ]);
  });

  it('renews in the background before the token expires, and returns the old one meanwhile', async () => {
    const tokens = client();
    const old = await tokens.getToken();
    pass(0.64 * 600);
    await tokens.getToken();
    expect(requests()).toBe(1);
    pass(0.12 * 600);
    const meanwhile = await Promise.all(Array.from({ length: 50 }, () => tokens.getToken()));
    expect(new Set(meanwhile.map(({ value }) => value))).toEqual(new Set([old.value]));
    await until(() => events.length === 2);
    expect((await tokens.getToken()).value).not.toBe(old.value);
    expect(requests()).toBe(2);
  });

  it('returns a token until it expires while the server is down, retries rarely, and recovers', async () => {
    const tokens = client();
    const old = await tokens.getToken();
    await server.stop();
    pass(500);
    for (let i = 0; i < 20; i++) expect((await tokens.getToken()).value).toBe(old.value);
    await until(() => failures().length > 0);
    for (let i = 0; i < 20; i++) expect((await tokens.getToken()).value).toBe(old.value);
    expect(failures()).toHaveLength(1);
    jest.setSystemTime(old.expiresAt - 1);
    expect((await tokens.getToken()).value).toBe(old.value);
    jest.setSystemTime(old.expiresAt);
    await expect(tokens.getToken()).rejects.toThrow(
      /^temporarily_unavailable: the authorization server at http:\/\/\S+ cannot be reached$/,
    );
    await server.start();
    expect((await tokens.getToken()).value).not.toBe(old.value);
  });
});

describe('onTokenEvent', () => {
  it('is called with each event, and never with a token or a secret', async () => {
    const tokens = client({ scope: 'a' });
    const token = await tokens.getToken();
    server.failNext('/token', 503);
    pass(460);
    await tokens.getToken();
    await until(() => failures().length > 0);
    tokens.drop(token);
    tokens.drop(token);
    expect(events).toEqual([
      { type: 'obtained', clientId: 'porter', scope: 'a', granted: 'a', expiresIn: 600 },
      { type: 'renewal-failed', clientId: 'porter', scope: 'a', error: 'temporarily_unavailable' },
      { type: 'dropped', clientId: 'porter', scope: 'a' },
    ]);
    expect(JSON.stringify(events)).not.toContain(token.value);
    expect(JSON.stringify(events)).not.toContain(secret);
  });

  it('does not keep the caller from its token if it throws', async () => {
    const warning = jest.spyOn(process, 'emitWarning').mockReturnValue();
    const onTokenEvent = () => {
      throw new Error('the listener failed');
    };
    await expect(client({ onTokenEvent }).getToken()).resolves.toBeDefined();
    expect(warning).toHaveBeenCalledTimes(1);
  });
});
