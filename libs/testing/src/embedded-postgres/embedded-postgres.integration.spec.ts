import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createDatabase, startEmbeddedPostgres } from './index.ts';

const query = async (url: string, sql: string) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client.query(sql).finally(() => client.end());
};

describe('startEmbeddedPostgres', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lanyard-test-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('keeps its data between starts, and finds a server that was left running', async () => {
    const first = await startEmbeddedPostgres({ directory });
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    const second = await startEmbeddedPostgres({ directory });
    expect(second).toMatchObject({ port: first.port, reused: true });
    await second.stop();
    const third = await startEmbeddedPostgres({ directory });
    expect(third.reused).toBe(false);
    expect((await query(third.url, 'SELECT answer FROM kept')).rows).toEqual([{ answer: 42 }]);
    await third.stop();
  });
});

describe('createDatabase', () => {
  it('lets the service change rows and not the schema, and can be repeated [least-privilege-roles, Lanyard]', async () => {
    const server = process.env.TEST_DATABASE_URL ?? '';
    await createDatabase(server, 'shop');
    const { url, ownerUrl } = await createDatabase(server, 'shop');
    await query(ownerUrl, 'CREATE TABLE item (id bigserial, name text)');
    await query(url, `INSERT INTO item (name) VALUES ('badge')`);
    await expect(query(url, 'DROP TABLE item')).rejects.toThrow('must be owner');
    await expect(query(url, 'CREATE TABLE mine (id int)')).rejects.toThrow('permission denied');
  });
});
