import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { dataSourceOptions } from './database.module.ts';
import { ReadTimeoutClient } from './read-timeout-client.ts';

/** A server that speaks the protocol, accepts any user, answers each query with no rows, and can cut connections. */
let server: Server;
let sockets: Socket[];
const warnings: unknown[] = [];
const authenticated = Buffer.from('5200000008000000005a0000000549', 'hex');
const emptyResult = Buffer.from('49000000045a0000000549', 'hex');
const endedByAdministrator = message(
  'E',
  'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0',
);

beforeEach(async () => {
  sockets = [];
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write(authenticated);
      socket.on('data', (data) => void (data[0] === 0x51 && socket.write(emptyResult)));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  warnings.length = 0;
  jest.spyOn(Logger.prototype, 'warn').mockImplementation((line: unknown) => void warnings.push(line));
});
afterEach(async () => {
  jest.restoreAllMocks();
  for (const socket of sockets) socket.destroy();
  server.close();
});

const connectionString = () => `postgres://user:hush@127.0.0.1:${(server.address() as AddressInfo).port}/test`;

describe.each([
  ['a service', dataSourceOptions('test', '', {}).extra.Client],
  ['a migration', dataSourceOptions('test', '', { isMigration: true }).extra.Client],
  ['notifications', ReadTimeoutClient],
])('a connection of %s', (_, Client) => {
  it('survives a cut while the pool has just handed it out, and logs it once [no-process-ends, Lanyard]', async () => {
    const pool = new pg.Pool({
      connectionString: connectionString(),
      application_name: 'test',
      Client,
    });
    const handedOut = await new Promise<pg.PoolClient>((resolve, reject) => {
      pool.connect((error, client) => (client ? resolve(client) : reject(error!)));
    });
    // At this moment the pool has removed its own listener, and TypeORM has not yet added one.
    sockets[0]?.end(endedByAdministrator);
    await new Promise<void>((resolve) => void handedOut.on('end', resolve));
    handedOut.release(true);
    expect(warnings).toEqual([
      {
        msg: 'a database connection was lost',
        connection: 'test',
        err: expect.objectContaining({ code: '57P01', message: 'terminating connection due to administrator command' }),
      },
    ]);
    await pool.end();
  });

  it('survives a cut while it idles in the pool, and the pool opens another [no-process-ends, Lanyard]', async () => {
    const pool = new pg.Pool({
      connectionString: connectionString(),
      application_name: 'test',
      Client,
    });
    const lost = once(pool, 'error');
    await pool.query('');
    sockets[0]?.end(endedByAdministrator);
    await lost;
    await pool.query('');
    expect([sockets.length, warnings.length]).toEqual([2, 1]);
    await pool.end();
  });
});

it('logs nothing for a connection that ends because the service closes it', async () => {
  const client = new ReadTimeoutClient({ connectionString: connectionString() });
  await client.connect();
  await client.end();
  expect(warnings).toEqual([]);
});

function message(type: string, body: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, Buffer.from(body)]);
}
