import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, it } from '@jest/globals';
import { createDatabase } from '@lanyard/testing/embedded-postgres';
import { migrate } from './migrate.ts';

it('waits for a database that is not available yet', async () => {
  const { ownerUrl } = await createDatabase(process.env.TEST_DATABASE_URL ?? '', 'jobs_migrated');
  const { hostname, port } = new URL(ownerUrl);
  let callers = 0;
  const door = createServer((caller: Socket) => {
    if ((callers += 1) <= 2) return caller.destroy();
    const database = connect(Number(port), hostname);
    caller.pipe(database).pipe(caller);
    return database.on('error', () => caller.destroy());
  });
  await once(door.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(ownerUrl);
  url.host = `127.0.0.1:${(door.address() as AddressInfo).port}`;
  const said: string[] = [];
  await migrate({ MIGRATION_DATABASE_URL: url.href }, (line) => said.push(line));
  door.close();
  const waited = 'the database is not available, it is tried again';
  expect(said).toEqual([waited, waited, 'schema: Jobs1700000000001']);
});
