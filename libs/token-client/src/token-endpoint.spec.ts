import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startAuthorizationServer, type TestAuthorizationServer, type TestClient } from '@lanyard/testing';
import { secretFromFile, TokenClient, type TokenClientOptions } from './index.ts';

const secret = 'p+r%t:e r&é';
const audience = 'https://badges.example';
let porter: TestClient;
let server: TestAuthorizationServer;

beforeEach(async () => {
  porter = { secret, scope: 'a b', audience };
  server = await startAuthorizationServer({ porter });
});
afterEach(() => server.stop());

const client = (options: Partial<TokenClientOptions> = {}) =>
  new TokenClient({ issuer: server.issuer, clientId: 'porter', clientSecret: secret, ...options });
const requests = () => server.tokenRequests.length;

describe('client authentication', () => {
  it.each([
    ['client_secret_basic', 'client_secret_basic'],
    ['client_secret_post', 'client_secret_post'],
    [undefined, 'client_secret_basic'],
  ] as const)('by %s sends %s, whatever the secret holds', async (authenticationMethod, method) => {
    await client({ authenticationMethod, timeout: undefined, scope: 'a', resource: audience }).getToken();
    expect(server.tokenRequests).toMatchObject([
      { method, clientId: 'porter', parameters: { grant_type: 'client_credentials', scope: 'a', resource: audience } },
    ]);
  });

  it('refuses plain http to other hosts, unless it is allowed', () => {
    const options = { issuer: 'http://auth.example' };
    expect(() => client(options)).toThrow('http://auth.example is not https');
    expect(() => client({ ...options, allowInsecureRequests: true })).not.toThrow();
  });

  it('reaches the issuer at another address, and still validates its name', async () => {
    const elsewhere = await startAuthorizationServer({ porter }, { issuer: 'https://auth.example' });
    const options = { issuer: elsewhere.issuer, issuerAddress: elsewhere.address };
    expect((await client(options).getToken()).scope).toBe('a b');
    await expect(client({ ...options, issuer: 'https://other.example' }).getToken()).rejects.toMatchObject({
      code: 'invalid_response',
    });
    expect(() => client({ ...options, issuerAddress: 'http://auth.internal' })).toThrow('http://auth.internal/ is not');
    await elsewhere.stop();
  });
});

describe('retries', () => {
  it.each([
    [503, '/token'],
    [429, '/token'],
    [500, '/.well-known/oauth-authorization-server'],
    [429, '/.well-known/oauth-authorization-server'],
  ])('follow %i at %s, not before Retry-After', async (status, path) => {
    server.failNext(path, status, { headers: { 'retry-after': '1' } });
    const start = performance.now();
    await expect(client().getToken()).resolves.toBeDefined();
    expect(performance.now() - start).toBeGreaterThan(1000);
  });

  it('continue until the server is back', async () => {
    await server.stop();
    const token = client().getToken();
    await server.start();
    await expect(token).resolves.toBeDefined();
  });

  it('end after some attempts', async () => {
    server.failNext('/token', 503, { times: 100 });
    await expect(client().getToken()).rejects.toThrow(expect.objectContaining({ code: 'temporarily_unavailable' }));
  });

  it.each<[string, Partial<TokenClientOptions>, string]>([
    ['a wrong secret', { clientSecret: 'wrong' }, 'invalid_client'],
    ['an unknown client', { clientId: 'nobody' }, 'invalid_client'],
    ['a scope that is too wide', { scope: 'a b c' }, 'invalid_scope'],
  ])('do not follow an error that they cannot fix: %s', async (_, options, code) => {
    await expect(client(options).getToken()).rejects.toThrow(
      expect.objectContaining({ name: 'TokenRequestError', code }),
    );
    expect(requests()).toBe(1);
  });
});

describe('the client secret', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lanyard-'));
    file = join(folder, 'client_secret');
    writeFileSync(file, `${secret}\n`);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is read again from its file for each token request', async () => {
    const tokens = client({ clientSecret: secretFromFile(file) });
    await tokens.getToken({ scope: 'a' });
    porter.secret = 'the new one';
    writeFileSync(file, 'the new one\n');
    await tokens.getToken({ scope: 'b' });
    expect(requests()).toBe(2);
  });

  it('is read once more if it was refused, in case it was just replaced', async () => {
    const secrets = ['replaced', secret];
    await client({ clientSecret: () => secrets.shift() ?? '' }).getToken();
    expect(requests()).toBe(2);
  });

  it('is refused for good after that', async () => {
    let read = 0;
    const token = client({ clientSecret: () => `guess ${++read}` }).getToken();
    await expect(token).rejects.toThrow('invalid_client: client authentication failed');
    expect([read, requests()]).toEqual([2, 2]);
  });

  it('may be missing or empty for a moment', async () => {
    writeFileSync(file, '');
    const token = client({ clientSecret: secretFromFile(file) }).getToken();
    setTimeout(() => writeFileSync(file, secret), 50);
    await expect(token).resolves.toBeDefined();
  });

  it.each<[string, TokenClientOptions['clientSecret'], string]>([
    [
      'a missing file',
      secretFromFile('/nowhere'),
      "cannot be read: ENOENT: no such file or directory, open '/nowhere'",
    ],
    [
      'a file that is not text',
      () => {
        writeFileSync(file, Buffer.from(secret, 'utf16le'));
        return secretFromFile(file)();
      },
      'cannot be read: /',
    ],
    ['a source that fails', () => Promise.reject(new Error('the vault is sealed')), 'cannot be read'],
    ['an empty secret', '', 'is empty'],
  ])('causes a clear error if it cannot be used: %s', async (_, clientSecret, message) => {
    await expect(client({ clientSecret }).getToken()).rejects.toThrow(
      `secret_unavailable: the client secret ${message}`,
    );
    expect(requests()).toBe(0);
  });
});
