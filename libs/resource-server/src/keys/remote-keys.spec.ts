import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { validateAccessToken } from '@lanyard/access-token';
import { startAuthorizationServer, type TestAuthorizationServer } from '@lanyard/testing';
import { RemoteKeys, UnusableKeysError, type RemoteKeysOptions } from './remote-keys.ts';

const audience = 'https://badges.example';
const grant = { clientId: 'porter', audience, scope: 'badges:read' };
let server: TestAuthorizationServer;
let keys: RemoteKeys;
let errors: unknown[];

beforeEach(async () => {
  server = await startAuthorizationServer();
  errors = [];
});
afterEach(async () => {
  keys.stop();
  await server.stop();
});

const create = (options: Partial<RemoteKeysOptions> = {}) => {
  keys = new RemoteKeys({ issuer: server.issuer, onError: (error) => errors.push(error), ...options });
  return keys;
};
const validate = (token: string) => validateAccessToken(token, keys.getKey, { issuer: server.issuer, audience });
const until = async (condition: () => boolean | Promise<boolean>) => {
  for (let i = 0; i < 2000 && !(await condition()); i++) await sleep(10);
  expect(await condition()).toBe(true);
};

describe('RemoteKeys', () => {
  it('fetches once for many concurrent requests', async () => {
    create();
    await Promise.all(Array.from({ length: 50 }, () => validate(server.token(grant))));
    expect(server.keyFetches()).toBe(1);
  });

  it('fetches at the start, so that a request causes no fetch', async () => {
    create().start();
    await until(() => keys.available);
    await validate(server.token(grant));
    expect(server.keyFetches()).toBe(1);
  });

  it('keeps using its keys while the server is down, and reports the errors', async () => {
    create({ refreshInterval: 0.05 }).start();
    await until(() => keys.available);
    await server.stop();
    await until(() => errors.length >= 2);
    await expect(validate(server.token(grant))).resolves.toMatchObject({ clientId: 'porter' });
    await server.start();
  });

  it('reaches the issuer at another address, and still validates its name', async () => {
    const elsewhere = await startAuthorizationServer({}, { issuer: 'https://auth.example' });
    create({ issuer: elsewhere.issuer, issuerAddress: elsewhere.address });
    const options = { issuer: elsewhere.issuer, audience };
    await expect(validateAccessToken(elsewhere.token(grant), keys.getKey, options)).resolves.toBeDefined();
    await elsewhere.stop();
  });

  it('finds a new key at once', async () => {
    create({ cooldown: 0 });
    await validate(server.token(grant));
    await server.rotateKey();
    await expect(validate(server.token(grant))).resolves.toMatchObject({ clientId: 'porter' });
  });

  it('drops a withdrawn key at the next refresh', async () => {
    create({ refreshInterval: 0.1 }).start();
    await until(() => keys.available);
    const old = server.token(grant);
    await server.rotateKey({ withdraw: true });
    const fetches = server.keyFetches();
    await until(() => server.keyFetches() >= fetches + 2);
    await expect(validate(old)).rejects.toThrow('the access token is invalid');
  });

  it('drops a withdrawn key at once if the server supports waiting [waiting-requests, RFC 7240 §4.3]', async () => {
    const authorizationServer = await startAuthorizationServer({}, { supportsWaiting: true });
    create({ issuer: authorizationServer.issuer, refreshInterval: 3600, cooldown: 3600 }).start();
    await until(() => keys.available);
    const valid = (token: string) =>
      validateAccessToken(token, keys.getKey, { issuer: authorizationServer.issuer, audience }).then(
        () => true,
        () => false,
      );
    for (let rotation = 0; rotation < 3; rotation++) {
      const old = authorizationServer.token(grant);
      expect(await valid(old)).toBe(true);
      const fetches = authorizationServer.keyFetches();
      await authorizationServer.rotateKey({ withdraw: true });
      await until(() => authorizationServer.keyFetches() === fetches + 1);
      await until(async () => !(await valid(old)));
      expect([await valid(old), await valid(authorizationServer.token(grant))]).toEqual([false, true]);
    }
    // It also finds a key that changes while no request waits, and then the next one at once again.
    const old = authorizationServer.token(grant);
    await authorizationServer.rotateKey({ withdraw: true });
    await authorizationServer.rotateKey({ withdraw: true });
    await until(async () => !(await valid(old)));
    await sleep(300);
    await authorizationServer.rotateKey({ withdraw: true });
    const fresh = authorizationServer.token(grant);
    await until(() => valid(fresh));
    expect([await valid(old), await valid(fresh)]).toEqual([false, true]);
    // It does not request in a loop.
    expect(authorizationServer.keyFetches()).toBeLessThanOrEqual(7);
    await authorizationServer.stop();
    await until(() => errors.length > 0);
  });

  it('fetches once per cooldown for unknown keys [unknown-kid-cooldown, Lanyard]', async () => {
    create({ cooldown: 60 });
    await validate(server.token(grant));
    for (let i = 0; i < 20; i++) {
      await expect(validate(server.token(grant, { header: { kid: `unknown-${i}` } }))).rejects.toThrow('invalid_token');
    }
    expect(server.keyFetches()).toBe(1);
  });

  it('counts failed fetches too, so that unknown keys cannot flood a server that is down [unknown-kid-cooldown, Lanyard]', async () => {
    create({ cooldown: 60 });
    await validate(server.token(grant));
    const afterwards = performance.now() + 61_000;
    jest.spyOn(performance, 'now').mockImplementation(() => afterwards);
    await server.stop();
    for (let i = 0; i < 20; i++) {
      await expect(validate(server.token(grant, { header: { kid: `unknown-${i}` } }))).rejects.toThrow('invalid_token');
    }
    expect(errors).toHaveLength(1);
    jest.restoreAllMocks();
    await server.start();
  });

  it('reports that keys are unavailable until it has some, and recovers by itself', async () => {
    await server.stop();
    create().start();
    await until(() => errors.length > 0);
    await expect(validate(server.token(grant))).rejects.toThrow('have not been fetched yet');
    await server.start();
    await until(() => keys.available);
    await expect(validate(server.token(grant))).resolves.toMatchObject({ clientId: 'porter' });
  });

  it('keeps its keys if the server answers with nonsense', async () => {
    create({ refreshInterval: 0.05 }).start();
    await until(() => keys.available);
    server.failNext('/jwks', 200, { times: 3 });
    await until(() => errors.length >= 2);
    await expect(validate(server.token(grant))).resolves.toMatchObject({ clientId: 'porter' });
  });

  it.each(['/.well-known/oauth-authorization-server', '/jwks'])(
    'requests again where a response of %s is truncated, and keeps its keys meanwhile',
    async (path) => {
      let cuts = 1;
      const proxy = createServer((request, response) => {
        void fetch(server.issuer + request.url).then(async (answer) => {
          const text = await answer.text();
          const isCut = request.url === path && (cuts -= 1) >= 0;
          response.writeHead(answer.status, { 'content-length': text.length });
          if (isCut) response.write(text.slice(0, 20), () => response.socket?.end());
          else response.end(text);
        });
      }).listen(0, '127.0.0.1');
      await once(proxy, 'listening');
      const issuerAddress = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      create({ issuerAddress, refreshInterval: 0.05 }).start();
      await until(() => errors.length > 0);
      await until(() => keys.available);
      cuts = 3;
      await until(() => cuts <= 0);
      await expect(validate(server.token(grant))).resolves.toMatchObject({ clientId: 'porter' });
      keys.stop();
      proxy.close().closeAllConnections();
    },
  );

  it.each<[string, (keys: object[]) => unknown[]]>([
    ['without a key', () => []],
    ['of keys that are broken', (keys) => keys.map((key) => ({ ...key, x: 'AQ' }))],
    ['of keys that encrypt', (keys) => keys.map((key) => ({ ...key, use: 'enc' }))],
    ['of keys without a kid', (keys) => keys.map((key) => ({ ...key, kid: undefined }))],
    ['of keys for other algorithms', (keys) => keys.map((key) => ({ ...key, alg: 'ES384' }))],
    ['of things that are no keys', () => [null, 1, 'key', []]],
  ])('keeps its keys if the server answers with a set %s [usable-keys, Lanyard]', async (_, change) => {
    create({ refreshInterval: 0.05 }).start();
    await until(() => keys.available);
    server.changeJwks(change);
    await until(() => errors.length >= 2);
    expect(errors).toEqual(errors.map(() => expect.any(UnusableKeysError)));
    await expect(validate(server.token(grant))).resolves.toMatchObject({ clientId: 'porter' });
    server.changeJwks((keys) => keys);
    await server.rotateKey();
    const fresh = server.token(grant);
    const isKnown = () =>
      validate(fresh).then(
        () => true,
        () => false,
      );
    for (let i = 0; i < 200 && !(await isKnown()); i++) await sleep(10);
    expect(await isKnown()).toBe(true);
  });

  it('uses the keys of a set that can be used, and reports the others once [usable-keys, Lanyard]', async () => {
    server.changeJwks((keys) => [{ kty: 'EC', crv: 'P-256', kid: 'broken', x: 'AQ', y: 'AQ' }, null, ...keys]);
    create({ refreshInterval: 0.02 }).start();
    await until(() => server.keyFetches() >= 3);
    await expect(validate(server.token(grant))).resolves.toMatchObject({ clientId: 'porter' });
    expect(errors).toEqual([
      expect.objectContaining({ message: expect.stringContaining('has keys that cannot be used (broken: ') }),
    ]);
    const unknown = server.token(grant, { header: { kid: 'broken' } });
    await expect(validate(unknown)).rejects.toThrow('the access token is invalid');
  });

  it('refuses metadata of another issuer [issuer-is-its-address, RFC 8414 §3.3]', async () => {
    create({ issuer: server.issuer.replace('localhost', '127.0.0.1') });
    await expect(validate(server.token(grant))).rejects.toThrow('have not been fetched yet');
    expect(errors).toEqual([
      expect.objectContaining({
        message: expect.stringContaining('"issuer" property does not match the expected value'),
      }),
    ]);
  });

  it('compares the issuer of metadata character by character [issuer-is-its-address, RFC 8414 §3.3]', async () => {
    create({ issuer: `${server.issuer}/` });
    await expect(validate(server.token(grant))).rejects.toThrow('have not been fetched yet');
    expect(errors).toEqual([
      expect.objectContaining({ message: `"issuer" is "${server.issuer}", and must be "${server.issuer}/"` }),
    ]);
  });
});
