import { deepStrictEqual } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { resource, startJobsApi, submit } from '../jobs-api.fixture.ts';
import { Uploads } from './uploads.ts';

const MB = 1024 * 1024;
const limits = { FILE_SIZE_LIMIT: `${4 * MB}`, FILE_BYTES_PER_CLIENT: `${10 * MB}`, FILES_PER_CLIENT: '20' };
const csv = { 'content-type': 'text/csv' };

let api: Awaited<ReturnType<typeof startJobsApi>>;
let worker: (typeof api)['worker'];
beforeAll(async () => {
  api = await startJobsApi({ ...limits, UPLOADS_PER_CLIENT: '8' });
  ({ worker } = api);
  await api.app.listen(0, '127.0.0.1');
});
afterAll(() => api?.stop());

const rows = async (sql: string) => (await api.owner.query<Record<string, unknown>>(sql)).rows;
const left = async () =>
  (
    await rows(
      'SELECT (SELECT count(*)::int FROM upload) AS uploads, (SELECT coalesce(sum(length(data)), 0)::int FROM file_chunk) AS bytes',
    )
  )[0];
const nothing = { uploads: 0, bytes: 0 };
/** After each test, the sums equal those of the uploads in progress and the files that each client owns. */
const sums = `SELECT client_id, count(*)::int AS files, sum(size)::float AS bytes, count(*) FILTER (WHERE under_way)::int AS uploads
              FROM (
                SELECT client_id, size, true AS under_way FROM upload WHERE client_id IS NOT NULL
                UNION ALL SELECT client_id, size, false FROM file_owner JOIN file ON id = file_id
              ) AS paid GROUP BY client_id ORDER BY client_id`;
const kept = 'SELECT client_id, files, bytes::float, uploads FROM file_usage WHERE files > 0 ORDER BY client_id';
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await until(async () => (await rows('SELECT FROM upload WHERE NOT complete')).length === 0);
  deepStrictEqual(await rows(kept), await rows(sums));
  await api.owner.query('TRUNCATE job, file, file_owner, upload, file_chunk, file_usage');
});

async function until(condition: () => Promise<unknown>): Promise<void> {
  for (let attempts = 0; !(await condition()); attempts++) {
    if (attempts > 200) throw new Error('the condition was not met in time');
    await sleep(50);
  }
}
const isEmpty = async () => JSON.stringify(await left()) === JSON.stringify(nothing);

/** Opens a connection and begins an upload with the given part of its body. */
async function begin(
  headers: string,
  body: Buffer | string = '',
): Promise<{ socket: Socket; answer: () => Promise<string> }> {
  const token = api.issuer.token({ clientId: 'batch-processor', audience: resource, scope: 'jobs:write' });
  const socket = connect((api.app.getHttpServer().address() as AddressInfo).port, '127.0.0.1');
  sockets.push(socket);
  let received = '';
  socket.on('error', () => undefined).on('data', (chunk) => (received += String(chunk)));
  await once(socket, 'connect');
  socket.write(
    `POST /files HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: text/csv\r\n${headers}\r\n\r\n`,
  );
  socket.write(body);
  const answer = async () => {
    await until(async () => received.includes('\r\n\r\n'));
    return received;
  };
  return { socket, answer };
}
const length = (bytes: number) => `content-length: ${bytes}`;
const chunked = 'transfer-encoding: chunked';
const piece = (bytes: number) => `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;

describe('an interrupted upload', () => {
  it.each<[string, string, string]>([
    ['announced its length', length(3 * MB), 'x'.repeat(MB)],
    ['came in chunks', chunked, piece(MB)],
  ])('leaves nothing if it %s [upload-leaves-nothing, Lanyard]', async (_, headers, body) => {
    const { socket } = await begin(headers, body);
    await until(async () => Number((await left())?.bytes) > 0);
    socket.destroy();
    await until(isEmpty);
    expect(await left()).toEqual(nothing);
  });

  it('leaves nothing if it ends before the length that it announced [upload-leaves-nothing, Lanyard]', async () => {
    const { socket } = await begin(length(3 * MB), 'x'.repeat(MB));
    await until(async () => Number((await left())?.bytes) > 0);
    socket.end();
    await until(isEmpty);
    expect(await left()).toEqual(nothing);
  });

  it('leaves nothing if it is too large, gets the reason, and is cut off [upload-leaves-nothing, Lanyard]', async () => {
    const { answer, socket } = await begin(chunked, piece(3 * MB) + piece(3 * MB));
    expect(await answer()).toMatch(/^HTTP\/1.1 413 [^]*urn:lanyard:problem:file-too-large/);
    expect(await left()).toEqual(nothing);
    await until(async () => socket.closed);
  });

  it('leaves nothing if the database refuses a chunk [upload-leaves-nothing, Lanyard]', async () => {
    const uploads = api.app.get(Uploads);
    const broken = jest.spyOn(uploads, 'write').mockRejectedValueOnce(new Error('Connection terminated'));
    expect((await worker('POST', '/files', 'x'.repeat(MB), csv)).status).toBe(503);
    broken.mockRestore();
    expect(await left()).toEqual(nothing);
  });

  it('is removed later if it cannot be removed at once [upload-leaves-nothing, Lanyard]', async () => {
    const { socket } = await begin(chunked, piece(MB));
    await until(async () => Number((await left())?.bytes) > 0);
    const database = api.app.get(DataSource);
    const query = database.query.bind(database);
    let refused = 0;
    const unavailable = jest.spyOn(database, 'query').mockImplementation(async (sql, parameters) => {
      if (!/DELETE FROM file_chunk/.test(sql)) return query(sql, parameters);
      refused += 1;
      throw new Error('Connection terminated');
    });
    socket.destroy();
    await until(async () => refused > 0);
    expect(await left()).toEqual({ uploads: 1, bytes: expect.any(Number) });
    unavailable.mockRestore();
    await until(isEmpty);
  });

  it('is removed as soon as the database is available again, even if it failed at the start [upload-leaves-nothing, Lanyard]', async () => {
    const database = api.app.get(DataSource);
    const query = database.query.bind(database);
    let isUnavailable = true;
    const unavailable = jest.spyOn(database, 'query').mockImplementation(async (sql, parameters) => {
      if (!isUnavailable) return query(sql, parameters);
      // The statement takes effect, but its answer is lost.
      if (/INSERT INTO upload/.test(sql)) await query(sql, parameters);
      throw new Error('Connection terminated');
    });
    expect((await worker('POST', '/files', 'a,b\n', csv)).status).toBe(503);
    isUnavailable = false;
    unavailable.mockRestore();
    await until(isEmpty);
  });

  it('of a killed process is removed after minutes, and one that still receives chunks is not [upload-leaves-nothing, Lanyard]', async () => {
    // The state that a killed process leaves behind.
    const uploads = api.app.get(Uploads);
    const [stale, slow] = [randomUUID(), randomUUID()];
    await uploads.begin(stale, 'killed', 100);
    await uploads.begin(slow, 'slow', 100);
    for (const id of [stale, slow]) await uploads.write(id, 0, Buffer.from('a,b\n'));
    const age = (id: string, minutes: number) =>
      api.owner.query('UPDATE upload SET last_chunk_at = now() - make_interval(mins => $2) WHERE id = $1', [
        id,
        minutes,
      ]);
    await age(slow, 2);
    await age(stale, 4);
    await until(async () => (await left())?.uploads === 1);
    expect(await rows('SELECT client_id FROM upload JOIN file_chunk ON upload.id = upload_id')).toEqual([
      { client_id: 'slow' },
    ]);
    // If the sender was alive after all, it gets an error.
    await expect(uploads.write(stale, 1, Buffer.from('1,2\n'))).rejects.toMatchObject({ status: 408 });
    await expect(uploads.complete(stale, 'f'.repeat(64), 8)).rejects.toMatchObject({ status: 408 });
    expect(await uploads.complete(slow, 'e'.repeat(64), 4)).toBe(true);
  });

  it('is not a complete file: removing the upload of one has no effect', async () => {
    const { body } = await worker('POST', '/files', 'x'.repeat(MB), csv);
    const [{ upload_id: id } = {}] = await rows('SELECT upload_id FROM file');
    await api.app.get(Uploads).remove(String(id));
    expect((await worker('GET', `/files/${body.id}`)).body).toHaveLength(MB);
  });
});

describe('the same content', () => {
  it('is stored once and counted once if it is uploaded concurrently', async () => {
    const content = 'x'.repeat(MB);
    const answers = await Promise.all(Array.from({ length: 6 }, () => worker('POST', '/files', content, csv)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
    expect(await left()).toEqual({ uploads: 1, bytes: MB });
    expect((await worker('GET', `/files/${answers[0]?.body.id}`)).body).toBe(content);
  });
});

describe('content that several clients upload', () => {
  const content = 'a,b\n1,2\n';
  const [one, two] = ['one', 'two'].map(
    (clientId) =>
      (...request: Parameters<typeof worker>) =>
        api.as(clientId, 'jobs:read jobs:write')(...request),
  ) as [typeof worker, typeof worker];
  const upload = async (call: typeof worker) => (await call('POST', '/files', content, csv)).body.id as string;
  const usedBy = async (call: typeof worker) => (await call('GET', '/files')).body.used;
  const full = { files: 1, bytes: content.length, uploads: 0 };
  const none = { files: 0, bytes: 0, uploads: 0 };
  const create = (call: typeof worker, file: string) =>
    call('POST', '/jobs', { type: 'summarize-csv', payload: { file, name: 'numbers.csv' } });

  it('is stored once, and each client lists it and is charged for it once [file-owners, Lanyard]', async () => {
    const ids = [await upload(one), await upload(two), await upload(two)];
    expect(new Set(ids).size).toBe(1);
    for (const call of [one, two]) {
      const { body } = await call('GET', '/files');
      expect(body).toMatchObject({ items: [{ id: ids[0], size: content.length }], used: full });
    }
    expect(await left()).toEqual({ uploads: 1, bytes: content.length });
  });

  it('stays until the last of them deletes it [file-owners, Lanyard]', async () => {
    const id = await upload(one);
    await upload(two);
    expect((await one('DELETE', `/files/${id}`)).status).toBe(204);
    expect([await usedBy(one), await usedBy(two)]).toEqual([none, full]);
    const again = await one('DELETE', `/files/${id}`);
    expect([again.status, again.body.type]).toEqual([403, 'urn:lanyard:problem:not-your-file']);
    expect((await two('GET', `/files/${id}`)).body).toBe(content);
    expect((await create(two, id)).status).toBe(201);
    await api.owner.query('TRUNCATE job');
    expect((await two('DELETE', `/files/${id}`)).status).toBe(204);
    expect([await usedBy(two), await left()]).toEqual([none, nothing]);
    expect((await two('DELETE', `/files/${id}`)).status).toBe(404);
  });

  it('cannot be deleted by the client whose job needs it, nor by the last owner [file-owners, Lanyard]', async () => {
    const id = await upload(one);
    await upload(two);
    await create(two, id);
    expect((await two('DELETE', `/files/${id}`)).status).toBe(409);
    expect((await one('DELETE', `/files/${id}`)).status).toBe(204);
    await upload(one);
    await api.owner.query(`UPDATE job SET created_by = 'three'`);
    expect((await two('DELETE', `/files/${id}`)).status).toBe(204);
    expect((await one('DELETE', `/files/${id}`)).status).toBe(409);
  });

  it('is kept for each client that got 201 and did not delete it, despite concurrent deletions by others [file-owners, Lanyard]', async () => {
    const replica = await startJobsApi({ ...limits, DATABASE_URL: api.databaseUrl });
    const callers = Array.from({ length: 6 }, (_, i) =>
      (i % 2 ? api : replica).as(`client-${i}`, 'jobs:read jobs:write'),
    );
    for (let round = 0; round < 20; round++) {
      await Promise.all(
        callers.map(async (call, i) => {
          const id = await upload(call);
          if ((i + round) % 3 === 0) return;
          expect((await call('DELETE', `/files/${id}`)).status).toBe(204);
        }),
      );
      for (const [i, call] of callers.entries()) {
        const isOwner = (i + round) % 3 === 0;
        expect(await usedBy(call)).toEqual(isOwner ? full : none);
        if (!isOwner) continue;
        const { id } = (await call('GET', '/files')).body.items[0];
        expect((await call('GET', `/files/${id}`)).body).toBe(content);
      }
      deepStrictEqual(await rows(kept), await rows(sums));
      for (const [i, call] of callers.entries()) {
        if ((i + round) % 3 !== 0) continue;
        const { id } = (await call('GET', '/files')).body.items[0];
        expect((await call('DELETE', `/files/${id}`)).status).toBe(204);
      }
      expect(await left()).toEqual(nothing);
    }
    await replica.stop();
  });
});

describe('a file that is deleted while it is downloaded', () => {
  let logged: jest.SpiedFunction<Logger['error']>;
  beforeEach(() => {
    logged = jest.spyOn(Logger.prototype, 'error');
  });
  afterEach(() => void jest.restoreAllMocks());

  /** Deletes the file before its first chunk is read, or its last one. */
  async function deletedBefore(chunk: 'first' | 'last', ready: () => Promise<unknown> = async () => undefined) {
    const pieces = Array.from({ length: 12 }, () => Buffer.alloc(MB / 4, 'x'));
    const { body } = await worker('POST', '/files', Readable.from(pieces), csv);
    const [range] = await rows('SELECT min(position) AS first, max(position) AS last FROM file_chunk');
    const database = api.app.get(DataSource);
    const query = database.query.bind(database);
    jest.spyOn(database, 'query').mockImplementation(async (sql, parameters) => {
      if (/SELECT data FROM file_chunk/.test(sql) && (parameters as unknown[])[1] === range?.[chunk]) {
        await ready();
        expect((await worker('DELETE', `/files/${body.id}`)).status).toBe(204);
      }
      return query(sql, parameters);
    });
    return `/files/${body.id}`;
  }

  it('is a 404 if nothing of it was sent [deleted-file, Lanyard]', async () => {
    const path = await deletedBefore('first');
    const { status, body } = await worker('GET', path);
    expect([status, body]).toEqual([
      404,
      { type: 'about:blank', title: 'Not Found', status: 404, detail: 'there is no such file' },
    ]);
    expect(logged).not.toHaveBeenCalled();
  });

  it('closes the connection early if some of it was sent [deleted-file, Lanyard]', async () => {
    const arrived = Promise.withResolvers<void>();
    const path = await deletedBefore('last', () => arrived.promise);
    const token = api.issuer.token({ clientId: 'batch-processor', audience: resource, scope: 'jobs:read' });
    const response = await fetch(`http://127.0.0.1:${(api.app.getHttpServer().address() as AddressInfo).port}${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect([response.status, response.headers.get('content-length')]).toEqual([200, String(3 * MB)]);
    arrived.resolve();
    await expect(response.arrayBuffer()).rejects.toThrow('terminated');
    expect(logged).not.toHaveBeenCalled();
  });

  it('is a 500 if the file exists but a chunk is missing', async () => {
    const { body } = await worker('POST', '/files', 'x'.repeat(MB), csv);
    await api.owner.query('DELETE FROM file_chunk WHERE position = 0');
    expect((await worker('GET', `/files/${body.id}`)).status).toBe(500);
  });
});

describe('the sweeper', () => {
  it('counts interrupted uploads, and none that a request is removing', async () => {
    const uploads = api.app.get(Uploads);
    const swept: Promise<number>[] = [];
    const sweep = uploads.sweep.bind(uploads);
    const sweeping = jest.spyOn(uploads, 'sweep').mockImplementation(() => {
      const result = sweep();
      swept.push(result);
      return result;
    });
    const { body } = await worker('POST', '/files', 'a,b\n', csv);
    // The state during a deletion, and during the end of an upload of the same content.
    const removing = jest.spyOn(uploads, 'remove').mockResolvedValue();
    await worker('POST', '/files', 'a,b\n', csv);
    expect((await worker('DELETE', `/files/${body.id}`)).status).toBe(204);
    expect(removing).toHaveBeenCalledTimes(2);
    removing.mockRestore();
    await until(isEmpty);
    const counted = async () => (await Promise.all(swept)).reduce((sum, count) => sum + count, 0);
    expect(await counted()).toBe(0);
    await uploads.begin(randomUUID(), 'killed', 100);
    await api.owner.query(`UPDATE upload SET last_chunk_at = now() - interval '4 minutes'`);
    await until(isEmpty);
    expect(await counted()).toBe(1);
    sweeping.mockRestore();
  });
});

describe('the quota of a client', () => {
  const upload = (call: typeof worker, content: string, isAnnounced = true) =>
    call('POST', '/files', isAnnounced ? content : Readable.from([Buffer.from(content)]), csv);

  it('refuses an upload by its length before a byte of the body is sent [file-quota, Lanyard]', async () => {
    for (const letter of ['a', 'b', 'c']) await upload(worker, letter.repeat(3 * MB));
    const { answer, socket } = await begin(length(1.5 * MB));
    const refusal = await answer();
    expect(refusal).toMatch(/^HTTP\/1.1 413 [^]*content-type: application\/problem\+json/);
    expect(JSON.parse(refusal.replace(/^[^]*\r\n\r\n/, ''))).toEqual({
      type: 'urn:lanyard:problem:file-quota',
      title: 'There is no room for this file',
      status: 413,
      detail: `the client has used 3 of 20 files and ${9 * MB} of ${10 * MB} bytes, uploads in progress included: delete files that are no longer needed`,
      used: { files: 3, bytes: 9 * MB, uploads: 0 },
      allowed: { files: 20, bytes: 10 * MB, uploads: 8 },
    });
    socket.destroy();
    expect((await upload(worker, 'd'.repeat(MB))).status).toBe(201);
    expect((await upload(api.as('another', 'jobs:write'), 'e'.repeat(3 * MB))).status).toBe(201);
  });

  it('refuses an upload that reaches the quota while the body arrives [file-quota, Lanyard]', async () => {
    for (const letter of ['a', 'b', 'c']) await upload(worker, letter.repeat(3 * MB), false);
    const { answer, socket } = await begin(chunked, piece(1.5 * MB));
    expect(await answer()).toMatch(/^HTTP\/1.1 413 [^]*urn:lanyard:problem:file-quota/);
    socket.destroy();
    expect((await upload(worker, 'd'.repeat(MB), false)).status).toBe(201);
    expect((await upload(worker, 'e', false)).status).toBe(413);
  });

  it('refuses an upload without room even if others make room at the same moment [file-quota, Lanyard]', async () => {
    for (const letter of ['a', 'b', 'c']) await upload(worker, letter.repeat(3 * MB));
    const uploads = api.app.get(Uploads);
    const roomy = { files: 0, bytes: 10 * MB, uploads: 0 };
    const usage = jest.spyOn(uploads, 'usage').mockResolvedValue({ used: { ...roomy, bytes: 0 }, allowed: roomy });
    const { status, body } = await upload(worker, 'd'.repeat(2 * MB), false);
    usage.mockRestore();
    expect([status, body]).toEqual([413, expect.objectContaining({ type: 'urn:lanyard:problem:file-quota' })]);
  });

  it('also limits the number of files [file-quota, Lanyard]', async () => {
    for (let i = 0; i < 20; i++) expect((await upload(worker, `a\n${i}\n`)).status).toBe(201);
    expect((await upload(worker, 'b\n')).body).toMatchObject({
      type: 'urn:lanyard:problem:file-quota',
      used: { files: 20 },
    });
  });

  it.each([true, false])(
    'holds for concurrent uploads to several replicas; announced: %s [file-quota, Lanyard]',
    async (isAnnounced) => {
      const replica = await startJobsApi({ ...limits, UPLOADS_PER_CLIENT: '100', DATABASE_URL: api.databaseUrl });
      const other = await startJobsApi({ ...limits, UPLOADS_PER_CLIENT: '100', DATABASE_URL: api.databaseUrl });
      const answers = await Promise.all(
        Array.from({ length: 16 }, (_, i) =>
          upload((i % 2 ? replica : other).worker, String.fromCodePoint(97 + i).repeat(MB), isAnnounced),
        ),
      );
      const stored = answers.filter(({ status }) => status === 201).length;
      // Uploads that are refused half-way were counted until then.
      expect([answers.every(({ status }) => [201, 413].includes(status)), stored <= 10]).toEqual([true, true]);
      if (isAnnounced) expect(stored).toBe(10);
      expect(await rows('SELECT count(*)::int AS files, sum(size)::float <= 10485760 AS fits FROM file')).toEqual([
        { files: stored, fits: true },
      ]);
      await replica.stop();
      await other.stop();
    },
  );

  it('is released after each interrupted upload [file-quota, Lanyard]', async () => {
    for (let i = 0; i < 20; i++) {
      const { socket } = await begin(length(4 * MB), 'x'.repeat(300_000));
      await until(async () => Number((await left())?.bytes) > 0);
      socket.destroy();
      await until(isEmpty);
    }
    expect((await upload(worker, 'x'.repeat(4 * MB))).status).toBe(201);
  });

  it('limits how many uploads run at a time [file-quota, Lanyard]', async () => {
    const begun = await Promise.all(Array.from({ length: 8 }, () => begin(length(MB))));
    await until(async () => (await left())?.uploads === 8);
    const { status, headers, body } = await upload(worker, 'x');
    expect([status, headers['retry-after'], body]).toEqual([
      429,
      '1',
      expect.objectContaining({
        type: 'urn:lanyard:problem:too-many-uploads',
        used: { files: 8, bytes: 8 * MB, uploads: 8 },
      }),
    ]);
    expect((await upload(api.as('another', 'jobs:write'), 'x')).status).toBe(201);
    for (const { socket } of begun) socket.destroy();
    await until(async () => (await upload(worker, 'x')).status === 201);
  });
});

describe('files that are no longer needed', () => {
  it('are listed with the usage, and make room when they are deleted', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await worker('POST', '/files', `a\n${i}\n`, csv)).body.id);
    await api.as('another', 'jobs:write')('POST', '/files', 'b\n', csv);
    const first = await worker('GET', '/files?limit=3');
    expect(first.body).toEqual({
      items: ids
        .toSorted()
        .slice(0, 3)
        .map((id) => ({ id, size: 4, createdAt: expect.any(String) })),
      used: { files: 5, bytes: 20, uploads: 0 },
      allowed: { files: 20, bytes: 10 * MB, uploads: 8 },
      next: expect.any(String),
    });
    const second = await worker('GET', first.body.next);
    expect([second.body.items.length, second.body.next]).toEqual([2, null]);
    expect((await worker('DELETE', `/files/${ids[0]}`)).status).toBe(204);
    expect((await worker('GET', '/files')).body.used).toEqual({ files: 4, bytes: 16, uploads: 0 });
    expect((await worker('GET', `/files/${ids[0]}`)).status).toBe(404);
    expect((await worker('DELETE', `/files/${ids[0]}`)).status).toBe(404);
    expect((await worker('POST', '/files', 'a\n0\n', csv)).status).toBe(201);
  });

  it('can be deleted only by the client that uploaded them, and not while a job needs them', async () => {
    const { body: job } = await submit(worker);
    const remove = (call = worker) => call('DELETE', `/files/${job.payload.file}`);
    const stranger = await remove(api.as('another', 'jobs:write'));
    expect([stranger.status, stranger.body.type]).toEqual([403, 'urn:lanyard:problem:not-your-file']);
    const early = await remove();
    expect([early.status, early.body.type]).toEqual([409, 'urn:lanyard:problem:file-in-use']);
    await worker('POST', '/jobs/claim', { types: ['summarize-csv'] });
    expect((await remove()).status).toBe(409);
    const end = { leaseToken: 1, result: { rows: 1, columns: [] } };
    expect((await worker('POST', `/jobs/${job.id}/complete`, end)).status).toBe(200);
    expect((await remove()).status).toBe(204);
    expect(await left()).toEqual(nothing);
  });
});
