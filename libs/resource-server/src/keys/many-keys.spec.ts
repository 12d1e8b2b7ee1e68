import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { validateAccessToken } from '@lanyard/access-token';
import { startAuthorizationServer, type TestAuthorizationServer } from '@lanyard/testing';
import { RemoteKeys } from './remote-keys.ts';

const audience = 'https://badges.example';
const grant = { clientId: 'porter', audience, scope: 'badges:read' };
let server: TestAuthorizationServer;

beforeAll(async () => {
  server = await startAuthorizationServer();
});
afterAll(() => server.stop());

it('validates with each of a thousand published keys, and fetches them once [many-keys, Lanyard]', async () => {
  const tokens = [server.token(grant)];
  for (let i = 1; i < 1000; i++) {
    await server.rotateKey();
    if (i % 100 === 99) tokens.push(server.token(grant));
  }
  const keys = new RemoteKeys({ issuer: server.issuer });
  for (const token of tokens) {
    const validated = validateAccessToken(token, keys.getKey, { issuer: server.issuer, audience });
    await expect(validated).resolves.toMatchObject({ clientId: 'porter' });
  }
  expect([tokens.length, server.keyFetches()]).toEqual([11, 1]);
});
