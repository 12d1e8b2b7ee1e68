import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { piecesKept } from '@lanyard/service-defaults/kept-pieces.fixture';
import { administratorOf, provisionedDatabase } from './auth-server.fixture.ts';

let app: Awaited<ReturnType<Awaited<ReturnType<typeof provisionedDatabase>>['startReplica']>>['app'];
let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let authorization: string;

beforeAll(async () => {
  database = await provisionedDatabase();
  ({ app } = await database.startReplica());
  const administrator = await administratorOf(app, database);
  authorization = `authorization: Bearer ${await administrator.tokenFor('clients:write')}\r\n`;
  await app.listen(0, '127.0.0.1');
});
afterAll(async () => {
  await app.close();
  await database.owner.end();
});

const form = 'content-type: application/x-www-form-urlencoded\r\n';
const json = 'content-type: application/json\r\n';

describe('a body in pieces of one byte', () => {
  it.each([
    ['/oauth/token', () => form],
    ['/oauth/revoke', () => form],
    ['/oauth/introspect', () => form],
    ['/admin/registry', () => json + authorization],
    ['/admin/clients', () => json + authorization],
  ])('costs no more than its bytes at %s [body-pieces, Lanyard]', async (path, headers) => {
    expect(await piecesKept(app.getHttpServer(), path, headers(), 2000)).toBeLessThan(20);
  });
});
