import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createService } from '@lanyard/service-defaults';
import { guardedRoutesOf, listening, maxBytesTaken, type Route } from '@lanyard/service-defaults/unread-bodies.fixture';
import { batchProcessor } from './batch-processor.ts';

let app: NestFastifyApplication;
let server: Awaited<ReturnType<typeof listening>>;
let routes: Route[];

beforeAll(async () => {
  // Refusing a malformed token needs no authorization server.
  const environment = { ISSUER: 'http://127.0.0.1:1', CLIENT_SECRET_FILE: import.meta.filename, LOG_LEVEL: 'silent' };
  ({ app } = await createService(batchProcessor, environment));
  routes = guardedRoutesOf(app);
  await app.init();
  server = await listening(app);
});
afterAll(() => app.close());

describe('a guarded route of the batch processor', () => {
  it.each([
    ['without a token', ''],
    ['with a malformed token', 'authorization: Bearer nonsense\r\n'],
  ])('refuses a request %s and leaves its body unread [token-before-body, Lanyard]', async (_, headers) => {
    expect(routes).toEqual([{ method: 'POST', url: '/runs' }]);
    for (const route of routes) {
      const { answer, taken } = await server.flood(route, headers);
      expect(answer).toMatch(/^HTTP\/1.1 401 [^]*connection: close/);
      expect(taken).toBeLessThan(maxBytesTaken);
    }
  });
});
