import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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

describe('a temporary Postgres', () => {
  const program = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
    const { directory, url } = await startEmbeddedPostgres({ durable: false });
    process.send({ directory, url });
    setInterval(() => undefined, 1000);
  `;

  it.each(['SIGINT', 'SIGKILL'] as const)(
    'stops with the process that started it, by %s, and leaves nothing behind',
    async (signal) => {
      const hooks = new URL('../../../tools/hooks.mjs', import.meta.url).href;
      const args = ['--import', hooks, '--input-type=module', '-e', program];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
      const [{ directory, url }] = (await once(child, 'message')) as [{ directory: string; url: string }];
      expect((await query(url, 'SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
      // Signals the process group, as Ctrl-C does.
      process.kill(-child.pid!, signal);
      while (existsSync(directory)) await sleep(50);
      await expect(query(url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
    },
  );

  it('removes its folder when it is stopped', async () => {
    const { directory, url, stop } = await startEmbeddedPostgres({ durable: false });
    await stop();
    expect(existsSync(directory)).toBe(false);
    await expect(query(url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED');
  });
});

describe('createDatabase', () => {
  it('lets the service change rows but not the schema, and can be repeated [least-privilege-roles, Lanyard]', async () => {
    const server = process.env.TEST_DATABASE_URL ?? '';
    await createDatabase(server, 'shop');
    const { url, ownerUrl } = await createDatabase(server, 'shop');
    await query(ownerUrl, 'CREATE TABLE item (id bigserial, name text)');
    await query(url, `INSERT INTO item (name) VALUES ('badge')`);
    await expect(query(url, 'DROP TABLE item')).rejects.toThrow('must be owner');
    await expect(query(url, 'CREATE TABLE mine (id int)')).rejects.toThrow('permission denied');
  });
});
