import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, it } from '@jest/globals';
import { migrateSchema } from '@lanyard/service-defaults';
import { createDatabase } from '@lanyard/embedded-postgres';
import pg from 'pg';
import type { QueryRunner } from 'typeorm';
import { Jobs1700000000001 } from './1-jobs.ts';
import { Uploads1700000000002 } from './2-uploads.ts';
import { FileOwners1700000000003 } from './3-file-owners.ts';
import { migrate } from './migrate.ts';

it('waits for a database that is not available yet', async () => {
  const { ownerUrl } = await createDatabase(process.env.TEST_DATABASE_URL ?? '', 'jobs_migrated');
  const { hostname, port } = new URL(ownerUrl);
  let callers = 0;
  const proxy = createServer((caller: Socket) => {
    if ((callers += 1) <= 2) return caller.destroy();
    const database = connect(Number(port), hostname);
    caller.pipe(database).pipe(caller);
    return database.on('error', () => caller.destroy());
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(ownerUrl);
  url.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const said: string[] = [];
  await migrate({ MIGRATION_DATABASE_URL: url.href }, (line) => said.push(line));
  proxy.close();
  const waited = 'the database is not available, retrying';
  const schemas = ['Jobs1700000000001', 'Uploads1700000000002', 'FileOwners1700000000003'];
  expect(said).toEqual([waited, waited, ...schemas.map((name) => `schema: ${name}`)]);
});

it.each([
  ['the first version', []],
  ['the second version', [Uploads1700000000002]],
])(
  'keeps the files of %s for the clients that uploaded them, removes incomplete uploads, and can be undone',
  async (_, more) => {
    const name = `jobs_upgraded_${more.length}`;
    const { ownerUrl: url } = await createDatabase(process.env.TEST_DATABASE_URL ?? '', name);
    const say = () => undefined;
    await migrateSchema({ service: 'jobs-api', url, migrations: [Jobs1700000000001], advisoryLock: 1, say });
    const database = new pg.Client({ connectionString: url });
    await database.connect();
    const rows = async (sql: string) => (await database.query<Record<string, unknown>>(sql)).rows;
    await database.query(`
    INSERT INTO file_chunk (upload_id, position, data)
      SELECT gen_random_uuid(), 0, convert_to(n || ',x', 'UTF8') FROM generate_series(1, 4) AS n;
    INSERT INTO file (id, upload_id, size, created_by, created_at)
      SELECT repeat(substr(convert_from(data, 'UTF8'), 1, 1), 64), upload_id, 3, 'a client', '2026-01-02' FROM file_chunk
      WHERE convert_from(data, 'UTF8') < '4'`);
    const files = 'SELECT id, file.size, data FROM file JOIN file_chunk USING (upload_id) ORDER BY id';
    await migrateSchema({ service: 'jobs-api', url, migrations: [Jobs1700000000001, ...more], advisoryLock: 1, say });
    const before = await rows(files);
    const tables = `SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
                  WHERE table_schema = 'public' ORDER BY table_name, column_name`;
    const schema = await rows(tables);
    await migrate({ MIGRATION_DATABASE_URL: url }, say);
    expect([before.length, await rows(files)]).toEqual([3, before]);
    expect(await rows('SELECT count(*)::int AS chunks FROM file_chunk')).toEqual([{ chunks: 3 }]);
    expect(await rows('SELECT * FROM file_usage')).toEqual([
      { client_id: 'a client', files: 3, bytes: '9', uploads: 0 },
    ]);
    expect(await rows('SELECT complete, count(*)::int AS n FROM upload GROUP BY complete')).toEqual([
      { complete: true, n: 3 },
    ]);
    expect(await rows('SELECT client_id, file_id FROM file_owner ORDER BY file_id')).toEqual(
      before.map(({ id }) => ({ client_id: 'a client', file_id: id })),
    );
    // Another client uploads the first of them.
    await database.query(`INSERT INTO file_owner (client_id, file_id) SELECT 'another', min(id) FROM file`);
    for (const Migration of [FileOwners1700000000003, Uploads1700000000002].filter(
      (one) => !more.includes(one as never),
    ))
      await new Migration().down({ query: (sql: string) => database.query(sql) } as QueryRunner);
    expect([await rows(files), await rows(tables)]).toEqual([before, schema]);
    expect(
      await rows(
        `SELECT created_by, created_at = '2026-01-02' AS "isKept", count(*)::int AS n FROM file GROUP BY 1, 2`,
      ),
    ).toEqual([{ created_by: 'a client', isKept: true, n: 3 }]);
    await database.end();
  },
);
