import type { ServerResponse } from 'node:http';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TokenClient, type TokenClientOptions } from './index.ts';
import { listen } from './test-support.fixture.ts';

interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
}

const secret = 'hush-hush';
const granted = { access_token: 'precious', token_type: 'Bearer', expires_in: 60, scope: 'a' };
let server: Awaited<ReturnType<typeof listen>>;
let seen: string[];
let metadata: (url: string) => Answer;
let token: () => Answer | undefined;
/** @returns whether this function has handled the response, and cut it off */
let cut: (url: string, response: ServerResponse) => boolean;

beforeEach(async () => {
  seen = [];
  metadata = (url) => ({ body: { issuer: url, token_endpoint: `${url}/token` } });
  token = () => ({ body: granted });
  cut = () => false;
  server = await listen((request, response) => {
    seen.push(request.url ?? '');
    if (cut(request.url ?? '', response)) return;
    const answer = request.url?.startsWith('/.well-known/') ? metadata(server.url) : token();
    if (!answer) return;
    const { status = 200, headers, body = {} } = answer;
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  });
});
afterEach(() => server.close());

const client = (options: Partial<TokenClientOptions> = {}) =>
  new TokenClient({ issuer: server.url, clientId: 'porter', clientSecret: secret, ...options });
const failure = async (options: Partial<TokenClientOptions> = {}): Promise<Error> => {
  const error: unknown = await client(options)
    .getToken()
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Error);
  expect(inspect(error, { depth: 10 })).not.toMatch(/precious|hush-hush/);
  return error as Error;
};

describe('discovery', () => {
  it('happens once', async () => {
    const tokens = client();
    await tokens.getToken({ scope: 'a' });
    await tokens.getToken({ scope: 'b' });
    expect(seen).toEqual(['/.well-known/oauth-authorization-server', '/token', '/token']);
  });

  it('happens again after the token endpoint has moved', async () => {
    const tokens = client();
    token = () => ({ status: 404 });
    await expect(tokens.getToken()).rejects.toThrow('invalid_response');
    token = () => ({ body: granted });
    metadata = (url) => ({ body: { issuer: url, token_endpoint: `${url}/moved` } });
    await tokens.getToken();
    expect(seen.slice(2)).toEqual(['/.well-known/oauth-authorization-server', '/moved']);
  });

  it('finds the metadata of OpenID Connect if there is no other', async () => {
    const oidc = '/.well-known/openid-configuration';
    for (const status of [404, 400, 403]) {
      seen = [];
      metadata = (url) =>
        seen.at(-1) === oidc ? { body: { issuer: url, token_endpoint: `${url}/token` } } : { status };
      await client().getToken();
      expect(seen).toEqual(['/.well-known/oauth-authorization-server', oidc, '/token']);
    }
    seen = [];
    metadata = () => ({ status: 404 });
    expect(await failure()).toMatchObject({
      code: 'invalid_response',
      message: expect.stringContaining('unexpected HTTP status code 404'),
    });
    expect(seen).toHaveLength(2);
  });

  it('of an issuer with a path asks below the path, and at the address that replaces it', async () => {
    const issuer = 'https://auth.example/one';
    metadata = () => ({ body: { issuer, token_endpoint: `${issuer}/token` } });
    await client({ issuer, issuerAddress: `${server.url}/two` }).getToken();
    expect(seen).toEqual(['/.well-known/oauth-authorization-server/two', '/two/token']);
    seen = [];
    await client({ issuer, issuerAddress: server.url }).getToken();
    expect(seen).toEqual(['/.well-known/oauth-authorization-server/one', '/one/token']);
  });

  it.each<[string, (url: string) => Answer, string]>([
    ['of another issuer', () => ({ body: { issuer: 'https://evil.example' } }), 'does not match the expected value'],
    [
      'of an issuer with another slash at the end',
      (url) => ({ body: { issuer: `${url}/`, token_endpoint: `${url}/token` } }),
      '"issuer" is "http',
    ],
    [
      'that would send secrets over plain http to another host',
      (url) => ({ body: { issuer: url, token_endpoint: 'http://evil.example/token' } }),
      'http://evil.example/token is not https',
    ],
    ['without a token endpoint', (url) => ({ body: { issuer: url } }), 'does not contain a valid "as.token_endpoint"'],
  ])('refuses metadata %s', async (_, answer, message) => {
    metadata = answer;
    expect(await failure()).toMatchObject({ code: 'invalid_response', message: expect.stringContaining(message) });
    expect(seen).toEqual(['/.well-known/oauth-authorization-server']);
  });
});

describe('the access token response', () => {
  it.each<[string, Answer, string]>([
    ['an unknown token type', { body: { ...granted, token_type: 'mac' } }, 'unsupported `token_type` value'],
    ['no token type', { body: { ...granted, token_type: undefined } }, '"token_type" property'],
    ['a lifetime that is no number', { body: { ...granted, expires_in: 'long' } }, '"expires_in" property'],
    ['no JSON object', { body: 'precious' }, 'must be a top level object'],
    ['a web page', { headers: { 'content-type': 'text/html' }, body: 'precious' }, 'must be a top level object'],
    ['a redirect', { status: 302, headers: { location: 'https://evil.example' } }, 'unexpected HTTP status code'],
  ])('is refused with %s, and shows no token', async (_, answer, message) => {
    token = () => answer;
    expect(await failure()).toMatchObject({ code: 'invalid_response', message: expect.stringContaining(message) });
  });

  it.each<[string, Answer, string]>([
    [
      'a challenge without a body',
      { status: 401, headers: { 'www-authenticate': 'Basic realm="a"' } },
      'invalid_client: the authorization server answered 401',
    ],
    [
      'a challenge with a description',
      {
        status: 401,
        headers: { 'www-authenticate': 'Basic realm="a"' },
        body: { error: 'invalid_client', error_description: 'client authentication failed' },
      },
      'invalid_client: client authentication failed',
    ],
    [
      'a description that repeats the secret',
      { status: 400, body: { error: 'invalid_client', error_description: `bad secret ${secret}!` } },
      'invalid_client: bad secret …!',
    ],
    ['an error without a description', { status: 400, body: { error: 'invalid_scope' } }, 'invalid_scope: '],
  ])('is reported if it is %s', async (_, answer, message) => {
    token = () => answer;
    expect((await failure()).message).toContain(message);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['is reset', (response) => void setTimeout(() => response.socket?.resetAndDestroy(), 20)],
    ['ends before its length', (response) => void setTimeout(() => response.socket?.end(), 20)],
    ['stalls', () => undefined],
  ])('is requested again if it %s', async (_, breakOff) => {
    let answers = 0;
    for (const path of ['/token', '/.well-known/oauth-authorization-server']) {
      seen = [];
      cut = (url, response) => {
        if (url !== path || (answers += 1) > 1) return false;
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-length': 100 })
          .write('{"access_token":"pre');
        breakOff(response);
        return true;
      };
      answers = 0;
      expect((await client({ timeout: 500 }).getToken()).value).toBe('precious');
      expect(seen.filter((url) => url === path)).toHaveLength(2);
    }
  });

  it('is reported as cut off if that happens at every attempt', async () => {
    cut = (url, response) => {
      if (url !== '/token') return false;
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"access_token":"precious');
      setTimeout(() => response.socket?.resetAndDestroy(), 10);
      return true;
    };
    expect(await failure()).toMatchObject({
      code: 'temporarily_unavailable',
      message: "temporarily_unavailable: the authorization server's response was cut off",
    });
    expect(seen.filter((url) => url === '/token')).toHaveLength(5);
  });

  it('is not awaited for longer than the timeout', async () => {
    token = () => undefined;
    // A busy server may not see all the requests that were given up.
    const sent = jest.spyOn(globalThis, 'fetch');
    expect((await failure({ timeout: 500 })).message).toMatch(
      /^temporarily_unavailable: the authorization server at http:\S+ did not answer in time$/,
    );
    expect(sent.mock.calls.filter(([url]) => String(url).endsWith('/token'))).toHaveLength(5);
    sent.mockRestore();
  });

  it.each([
    ['a scope', { scope: null }, { scope: 'requested' }],
    ['a lifetime', { expires_in: null }, { scope: 'a' }],
    ['a refresh token and an ID token', { refresh_token: null, id_token: null }, { scope: 'a' }],
  ])('may hold null instead of %s', async (_, members, expected) => {
    token = () => ({ body: { ...granted, ...members } });
    expect(await client().getToken({ scope: 'requested' })).toMatchObject({ value: 'precious', ...expected });
  });

  it('may be an error whose description is null', async () => {
    token = () => ({ status: 400, body: { error: 'invalid_scope', error_description: null, error_uri: null } });
    expect((await failure()).message).toBe('invalid_scope: the authorization server answered 400');
  });

  it('may come from a server whose metadata holds null', async () => {
    metadata = (url) => ({ body: { issuer: url, token_endpoint: `${url}/token`, jwks_uri: null } });
    expect((await client().getToken()).value).toBe('precious');
  });

  it('is assumed to have a lifetime of a minute if it names none', async () => {
    token = () => ({ body: { ...granted, expires_in: undefined } });
    const before = Date.now();
    const { expiresAt } = await client().getToken();
    expect(expiresAt).toBeGreaterThanOrEqual(before + 60_000);
    expect(expiresAt).toBeLessThanOrEqual(Date.now() + 60_000);
  });
});
