import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { provisionedDatabase } from '../auth-server.fixture.ts';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let app: NestFastifyApplication;
const sockets: Socket[] = [];

beforeAll(async () => {
  database = await provisionedDatabase();
  ({ app } = await database.startReplica({ BODY_BYTES_PER_ADDRESS: String(8 * 1024 * 1024) }));
  await app.listen(0, '127.0.0.1');
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await app.close();
  await database.owner.end();
});

/** A form without a length counts as 16 KiB: there is room for 512. */
async function begin(): Promise<Socket> {
  const socket = connect((app.getHttpServer().address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  await once(
    socket.on('error', () => undefined),
    'connect',
  );
  socket.write(
    'POST /oauth/token HTTP/1.1\r\nhost: here\r\ncontent-type: application/x-www-form-urlencoded\r\n' +
      'transfer-encoding: chunked\r\n\r\n1\r\nx\r\n',
  );
  return socket;
}

describe('POST /oauth/token', () => {
  it('refuses bodies over the limit of an address with an OAuth error [held-bodies, Lanyard]', async () => {
    for (let i = 0; i < 520; i++) await begin();
    const [head = '', body = ''] = (await text(await begin())).split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1.1 429 /);
    expect(head).toContain('\r\ncontent-type: application/json; charset=utf-8\r\n');
    expect(head).toContain('\r\nretry-after: 1\r\n');
    expect(head).toContain('\r\ncache-control: no-store\r\n');
    expect(JSON.parse(body)).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'too many bytes of request bodies are arriving from this address, try again later',
    });
  });
});
