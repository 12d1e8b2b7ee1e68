import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { piecesKept } from '@lanyard/service-defaults/kept-pieces.fixture';
import { guardedRoutesOf, listening, maxBytesTaken, type Route } from '@lanyard/service-defaults/unread-bodies.fixture';
import { resource, startJobsApi } from './jobs-api.fixture.ts';

let api: Awaited<ReturnType<typeof startJobsApi>>;
let server: Awaited<ReturnType<typeof listening>>;
let routes: Route[];

beforeAll(async () => {
  api = await startJobsApi({}, (app) => (routes = guardedRoutesOf(app, (url) => /^\/docs(\/|-|$)/.test(url))));
  server = await listening(api.app);
});
afterAll(() => api.stop());

describe('a guarded route of the jobs API', () => {
  it.each([
    ['without a token', () => '', 401],
    ['with a malformed token', () => 'authorization: Bearer nonsense\r\n', 401],
    ['with a token that lacks the scope', () => `authorization: Bearer ${tokenFor('other:scope')}\r\n`, 403],
  ])('refuses a request %s and leaves its body unread [token-before-body, Lanyard]', async (_, headers, status) => {
    expect(routes.length).toBeGreaterThan(12);
    for (const route of routes) {
      const { answer, taken } = await server.flood(route, headers());
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*www-authenticate: Bearer[^]*connection: close`));
      expect(taken).toBeLessThan(maxBytesTaken);
    }
  });

  it('sends 100 Continue only after it has accepted the token [token-before-body, Lanyard]', async () => {
    const route = { method: 'POST', url: '/jobs' };
    expect(await server.expectContinue(route)).toMatch(/^HTTP\/1.1 401 /);
    const accepted = `authorization: Bearer ${tokenFor('jobs:write')}\r\n`;
    expect(await server.expectContinue(route, accepted)).toMatch(/^HTTP\/1.1 100 Continue\r\n/);
  });

  it('accepts a body in pieces of one byte, and keeps none of the pieces [body-pieces, Lanyard]', async () => {
    const headers = `content-type: application/json\r\nauthorization: Bearer ${tokenFor('jobs:write')}\r\n`;
    expect(await piecesKept(api.app.getHttpServer(), '/jobs', headers, 2000)).toBeLessThan(20);
  });

  it('leaves the body of an unknown route unread [token-before-body, Lanyard]', async () => {
    const { answer, taken } = await server.flood({ method: 'POST', url: '/nowhere' });
    expect(answer).toMatch(/^HTTP\/1.1 404 [^]*connection: close/);
    expect(taken).toBeLessThan(maxBytesTaken);
  });
});

const tokenFor = (scope: string) => api.issuer.token({ clientId: 'a-client', audience: resource, scope });
