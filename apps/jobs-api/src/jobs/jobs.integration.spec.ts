import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Management } from '@lanyard/service-defaults';
import { AccessRules } from '@lanyard/resource-server';
import { faultsOfDocument } from '@lanyard/service-defaults/openapi.fixture';
import { startJobsApi, submit } from '../jobs-api.fixture.ts';

let api: Awaited<ReturnType<typeof startJobsApi>>;
let worker: (typeof api)['worker'];
beforeAll(async () => {
  api = await startJobsApi();
  ({ worker } = api);
});
afterAll(() => api?.stop());
beforeEach(() => api.owner.query('DELETE FROM job'));

const claim = (more: object = {}) => worker('POST', '/jobs/claim', { types: ['summarize-csv'], ...more });
const result = { rows: 1, columns: [{ name: 'a', type: 'integer', empty: 0, distinct: 1, min: 1, max: 1, mean: 1 }] };

describe('creating jobs', () => {
  it('creates, reads and lists', async () => {
    const created = await submit(worker);
    expect(created.status).toBe(201);
    expect(created.headers.location).toBe(`/jobs/${created.body.id}`);
    expect(created.body).toEqual({
      id: expect.any(String),
      type: 'summarize-csv',
      payload: { file: createHash('sha256').update('a,b\n1,2\n').digest('hex'), name: 'numbers.csv' },
      status: 'pending',
      attempts: 0,
      maxAttempts: 5,
      availableAt: expect.any(String),
      leaseExpiresAt: null,
      result: null,
      failure: null,
      requestId: expect.any(String),
      createdBy: 'batch-processor',
      createdAt: expect.any(String),
      startedAt: null,
      finishedAt: null,
    });
    expect((await worker('GET', `/jobs/${created.body.id}`)).body).toEqual(created.body);
    const { result: _, ...listed } = created.body;
    expect((await worker('GET', '/jobs')).body).toEqual({ items: [listed], next: null });
  });

  it('keeps the id of the request that created it', async () => {
    expect((await submit(worker, 'a\n', {}, { 'x-request-id': 'from-far-away' })).body.requestId).toBe('from-far-away');
  });

  it('creates one job per Idempotency-Key, even for concurrent requests, and none for a different request [idempotent-replay, Lanyard]', async () => {
    const headers = { 'idempotency-key': 'once' };
    const many = await Promise.all(Array.from({ length: 10 }, () => submit(worker, 'a\n1\n', {}, headers)));
    expect(new Set(many.map(({ body }) => body.id)).size).toBe(1);
    expect(many.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([...Array<number>(9).fill(200), 201]);
    const other = await submit(worker, 'a\n2\n', {}, headers);
    expect([other.status, other.body.type]).toEqual([422, 'urn:lanyard:problem:idempotency-key-reused']);
    const elsewhere = api.as('jobs-cli', 'jobs:read jobs:write');
    expect((await submit(elsewhere, 'a\n2\n', {}, headers)).status).toBe(201);
  });

  it('pages by key, so that jobs created meanwhile do not shift the pages', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await submit(worker)).body.id);
    const first = await worker('GET', '/jobs?limit=2');
    await submit(worker);
    const second = await worker('GET', first.body.next);
    const third = await worker('GET', second.body.next);
    expect([first, second, third].map(({ body }) => body.items.map(({ id }: { id: string }) => id))).toEqual([
      ids.slice(0, 2),
      ids.slice(2, 4),
      ids.slice(4),
    ]);
    expect(third.body.next).toBeNull();
  });

  it('filters', async () => {
    await submit(worker);
    await submit(api.as('jobs-cli', 'jobs:write'));
    await claim({ max: 1 });
    const count = async (query: string) => (await worker('GET', `/jobs?${query}`)).body.items.length;
    expect(
      await Promise.all(['status=pending', 'status=running', 'createdBy=jobs-cli', 'type=other'].map(count)),
    ).toEqual([1, 1, 1, 0]);
  });

  const file = 'f'.repeat(64);
  it.each<[string, object | string, number, RegExp]>([
    ['no body', '', 400, /./],
    ['malformed JSON', '{', 400, /./],
    ['an unknown type', { type: 'launch', payload: {} }, 400, /type/],
    ['a missing payload', { type: 'summarize-csv' }, 400, /payload/],
    ['an unknown field', { type: 'summarize-csv', payload: { file, name: 'x' }, colour: 1 }, 400, /colour/],
    ['a name with NUL', { type: 'summarize-csv', payload: { file, name: 'a\0b' } }, 400, /payload\.name/],
    [
      'a file that is not a digest',
      { type: 'summarize-csv', payload: { file: '../etc', name: 'x' } },
      400,
      /payload\.file/,
    ],
    ['a file that was not uploaded', { type: 'summarize-csv', payload: { file, name: 'x' } }, 422, /not uploaded/],
    [
      'a delimiter of two characters',
      { type: 'summarize-csv', payload: { file, name: 'x', delimiter: '||' } },
      400,
      /delimiter/,
    ],
    [
      'a quote as the delimiter',
      { type: 'summarize-csv', payload: { file, name: 'x', delimiter: '"' } },
      400,
      /delimiter/,
    ],
    ['an unknown charset', { type: 'summarize-csv', payload: { file, name: 'x', charset: 'klingon' } }, 400, /charset/],
    ['too many attempts', { type: 'summarize-csv', payload: { file, name: 'x' }, maxAttempts: 99 }, 400, /maxAttempts/],
    ['a prototype', '{"__proto__": {"a": 1}}', 400, /./],
  ])('refuses %s and names the fault [problem-bodies, RFC 9457]', async (_, payload, status, message) => {
    const response = await worker('POST', '/jobs', payload, { 'content-type': 'application/json' });
    expect(response.status).toBe(status);
    expect(response.headers['content-type']).toMatch('application/problem+json');
    expect(JSON.stringify(response.body)).toMatch(message);
  });

  it.each([
    ['/jobs?limit=0', 400],
    ['/jobs?limit=x', 400],
    ['/jobs?status=done', 400],
    ['/jobs?after=1', 400],
    ['/jobs?colour=blue', 400],
    ['/jobs?status=pending&status=failed', 400],
    ['/jobs/1', 400],
    ['/jobs/%00', 400],
    ['/jobs/00000000-0000-7000-8000-000000000000', 404],
    ['/jobs/claim', 400],
    ['/files/1', 400],
    ['/files?after=1', 400],
    [`/files/${'0'.repeat(64)}`, 404],
  ])('answers GET %s with %i', async (url, status) => {
    expect((await worker('GET', url)).status).toBe(status);
  });
});

describe('leases', () => {
  it('gives each job to only one of many workers that claim at once', async () => {
    for (let i = 0; i < 20; i++) await submit(worker);
    const claims = await Promise.all(Array.from({ length: 8 }, () => claim({ max: 5 })));
    const ids = claims.flatMap(({ body }) => body.jobs.map(({ id }: { id: string }) => id));
    expect([ids.length, new Set(ids).size]).toEqual([20, 20]);
  });

  it('completes with the result, and gives a repeated completion the same answer', async () => {
    await submit(worker);
    const [job] = (await claim()).body.jobs;
    expect(job).toMatchObject({ status: 'running', attempts: 1, lease: { token: 1, expiresAt: expect.any(String) } });
    const complete = () => worker('POST', `/jobs/${job.id}/complete`, { leaseToken: 1, result });
    const first = await complete();
    expect(first).toMatchObject({ status: 200, body: { status: 'succeeded', result, finishedAt: expect.any(String) } });
    expect((await complete()).body).toEqual(first.body);
  });

  it('completes several jobs in one call, but only those whose leases the caller holds', async () => {
    for (let i = 0; i < 3; i++) await submit(worker);
    const { body } = await claim();
    const [first, second, third] = body.jobs as [{ id: string }, { id: string }, { id: string }];
    const completeAll = (jobs: object[], as = worker) => as('POST', '/jobs/complete', { jobs });
    const ended = (ids: string[], leaseToken = 1) => ids.map((id) => ({ id, leaseToken, result }));
    await worker('POST', `/jobs/${third.id}/release`, { leaseToken: 1 });
    const unknown = randomUUID();
    const all = [first.id.toUpperCase(), second.id, third.id, unknown];
    const answer = await completeAll(ended(all));
    expect([answer.status, answer.body.succeeded.toSorted(), answer.body.leaseLost]).toEqual([
      200,
      [first.id, second.id].toSorted(),
      [third.id, unknown],
    ]);
    const stored = await worker('GET', `/jobs/${first.id}`);
    expect(stored.body).toMatchObject({ status: 'succeeded', result, leaseExpiresAt: null });
    expect((await worker('GET', `/jobs/${third.id}`)).body).toMatchObject({ status: 'pending', result: null });

    // A repetition, as the first answer may have been lost; it does not replace a stored result.
    const again = [{ id: first.id, leaseToken: 1, result: { ...result, rows: 7 } }];
    expect((await completeAll(again)).body).toEqual({ succeeded: [first.id], leaseLost: [] });
    expect((await worker('GET', `/jobs/${first.id}`)).body).toEqual(stored.body);
    expect((await completeAll(ended([second.id], 2))).body.leaseLost).toEqual([second.id]);
    const stranger = api.as('jobs-cli', 'jobs:write');
    expect((await completeAll(ended([second.id]), stranger)).body.leaseLost).toEqual([second.id]);

    for (const wrong of [[], ended([first.id, first.id.toUpperCase()]), [{ id: 'x', leaseToken: 1, result }]]) {
      expect((await completeAll(wrong)).status).toBe(400);
    }
  });

  it('completes jobs that concurrent calls name in different orders', async () => {
    for (let i = 0; i < 20; i++) await submit(worker);
    const { body } = await claim({ max: 20 });
    const jobs = body.jobs.map(({ id }: { id: string }) => ({ id, leaseToken: 1, result }));
    const calls = Array.from({ length: 8 }, (_, i) =>
      worker('POST', '/jobs/complete', { jobs: i % 2 ? jobs : jobs.toReversed() }),
    );
    for (const { status, body: answer } of await Promise.all(calls)) {
      expect([status, answer.succeeded.length]).toEqual([200, 20]);
    }
  });

  it('puts a job back when its lease expires, and refuses every change by the late worker', async () => {
    await submit(worker);
    const [late] = (await claim({ leaseSeconds: 1 })).body.jobs;
    const jobOf = async () => (await worker('GET', `/jobs/${late.id}`)).body;
    while ((await jobOf()).status !== 'pending') await sleep(20);
    expect(await jobOf()).toMatchObject({
      status: 'pending',
      attempts: 1,
      failure: expect.stringContaining('lease expired'),
    });
    const [again] = (await claim()).body.jobs;
    expect(again).toMatchObject({ id: late.id, attempts: 2, lease: { token: 2 } });
    for (const [action, more] of Object.entries({
      complete: { result },
      fail: { reason: 'x' },
      heartbeat: {},
      release: {},
    })) {
      const response = await worker('POST', `/jobs/${late.id}/${action}`, { leaseToken: 1, ...more });
      expect([action, response.status, response.body.type]).toEqual([action, 409, 'urn:lanyard:problem:lease-lost']);
    }
    expect((await worker('POST', `/jobs/${late.id}/complete`, { leaseToken: 2, result })).status).toBe(200);
  });

  it("extends a lease by heartbeats, and refuses another client's worker", async () => {
    await submit(worker);
    const [job] = (await claim({ leaseSeconds: 30 })).body.jobs;
    let end = Date.parse(job.lease.expiresAt);
    for (let i = 0; i < 3; i++) {
      const heartbeat = { leaseToken: 1, leaseSeconds: 60 };
      const { status, body } = await worker('POST', `/jobs/${job.id}/heartbeat`, heartbeat);
      expect([status, Date.parse(body.leaseExpiresAt) > end]).toEqual([200, true]);
      end = Date.parse(body.leaseExpiresAt);
    }
    const stranger = api.as('stranger', 'jobs:write');
    expect((await stranger('POST', `/jobs/${job.id}/complete`, { leaseToken: 1, result })).status).toBe(409);
  });

  it('retries with a growing back-off, then gives up; a failed job can be put back', async () => {
    const { body } = await submit(worker, 'x\n', { maxAttempts: 2 });
    const fail = async () => {
      const [job] = (await claim()).body.jobs;
      return (await worker('POST', `/jobs/${job.id}/fail`, { leaseToken: job.lease.token, reason: 'no luck' })).body;
    };
    const first = await fail();
    expect(first).toMatchObject({ status: 'pending', attempts: 1, failure: 'no luck' });
    const { body: nothing } = await claim();
    expect(nothing).toEqual({ jobs: [], nextAt: first.availableAt });
    await api.owner.query('UPDATE job SET available_at = now() WHERE id = $1', [body.id]);
    expect(await fail()).toMatchObject({
      status: 'failed',
      attempts: 2,
      failure: 'no luck',
      finishedAt: expect.any(String),
    });
    expect((await claim()).body).toEqual({ jobs: [], nextAt: null });
    expect((await worker('POST', `/jobs/${body.id}/retry`)).body).toMatchObject({ status: 'pending', attempts: 0 });
    expect((await worker('POST', `/jobs/${body.id}/retry`)).status).toBe(409);
  });

  it('gives up at once if another attempt cannot help', async () => {
    await submit(worker);
    const [job] = (await claim()).body.jobs;
    const failed = await worker('POST', `/jobs/${job.id}/fail`, { leaseToken: 1, reason: 'not CSV', retryable: false });
    expect(failed.body).toMatchObject({ status: 'failed', attempts: 1, failure: 'not CSV' });
  });

  it('does not count an attempt that was handed back', async () => {
    await submit(worker);
    const [job] = (await claim()).body.jobs;
    const released = await worker('POST', `/jobs/${job.id}/release`, { leaseToken: 1 });
    expect(released.body).toMatchObject({ status: 'pending', attempts: 0 });
    expect((await claim()).body.jobs[0]).toMatchObject({ attempts: 1, lease: { token: 2 } });
  });

  it.each([
    { columns: 5 },
    { rows: 'x', columns: [] },
    { rows: 1, columns: [{ name: 'a' }] },
    { rows: 2 ** 53, columns: [] },
    { rows: 1, columns: [{ ...result.columns[0], min: 2 ** 53 }] },
  ])('refuses the result %j, which reports could not read', async (wrong) => {
    await submit(worker);
    const [job] = (await claim()).body.jobs;
    expect((await worker('POST', `/jobs/${job.id}/complete`, { leaseToken: 1, result: wrong })).status).toBe(400);
  });

  it('refuses results that cannot be stored, without an internal error [strange-characters, Lanyard]', async () => {
    await submit(worker);
    const [job] = (await claim()).body.jobs;
    const bad = await worker('POST', `/jobs/${job.id}/complete`, {
      leaseToken: 1,
      result: { ...result, columns: [{ ...result.columns[0], name: 'a\0b' }] },
    });
    expect(bad.status).toBe(400);
    const huge = await worker('POST', `/jobs/${job.id}/complete`, { leaseToken: 2 ** 53, result });
    expect(huge.status).toBe(400);
  });
});

describe('files', () => {
  it('returns the stored content, whatever its size, and stores the same content once', async () => {
    const content = Array.from({ length: 60_000 }, (_, i) => `${i},row ${i}`).join('\n');
    const upload = () => worker('POST', '/files', content, { 'content-type': 'text/csv' });
    const [first, second] = [await upload(), await upload()];
    expect(first.body).toEqual({ id: createHash('sha256').update(content).digest('hex'), size: content.length });
    expect(second.body).toEqual(first.body);
    expect(
      (
        await api.owner.query(
          'SELECT count(DISTINCT upload_id)::int AS n FROM file_chunk JOIN file USING (upload_id) WHERE size > 600000',
        )
      ).rows,
    ).toEqual([{ n: 1 }]);
    const download = await worker('GET', `/files/${first.body.id}`);
    expect(download.headers).toMatchObject({ 'content-type': 'text/csv', 'content-length': String(content.length) });
    expect(download.body).toBe(content);
  });

  it.each([
    ['utf-8', 201],
    ['"UTF-8"', 201],
    ['us-ascii', 201],
    ['windows-1252', 415],
    ['utf-16le', 415],
  ])('answers a file of the charset %s with %i', async (charset, status) => {
    const answer = await worker('POST', '/files', 'a\n1\n', { 'content-type': `text/csv; charset=${charset}` });
    expect(answer.status).toBe(status);
    if (status === 415) {
      expect(answer.body.detail).toBe(
        `upload the file without charset=${charset}, and specify the charset with the job`,
      );
    }
  });

  it('refuses a compressed body and states why [content-coding, RFC 9110 §8.4]', async () => {
    const headers = { 'content-type': 'text/csv', 'content-encoding': 'gzip' };
    const answer = await worker('POST', '/files', 'a\n1\n', headers);
    expect([answer.status, answer.headers['accept-encoding'], answer.body.type]).toEqual([
      415,
      'identity',
      'urn:lanyard:problem:content-coding',
    ]);
  });

  it('refuses other types, and files that are too large [body-limit, Lanyard]', async () => {
    expect((await worker('POST', '/files', { a: 1 })).body).toMatchObject({
      status: 415,
      title: 'The body must be text/csv',
    });
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await worker('POST', '/files', 'a\n1\n', form)).body).toMatchObject({
      status: 415,
      detail: 'the content type is missing or not supported',
    });
    const small = await startJobsApi({ FILE_SIZE_LIMIT: '1000' });
    const response = await small.worker('POST', '/files', 'x'.repeat(2000), { 'content-type': 'text/csv' });
    expect(response.status).toBe(413);
    await small.stop();
  });
});

describe('reports', () => {
  it('summarizes the jobs', async () => {
    await submit(worker);
    await submit(worker);
    const [job] = (await claim({ max: 1 })).body.jobs;
    await worker('POST', `/jobs/${job.id}/complete`, { leaseToken: 1, result });
    const report = async (path: string) => (await api.reporter('GET', `/reports/${path}`)).body;
    expect(await report('jobs')).toEqual({
      items: [
        { type: 'summarize-csv', status: 'pending', jobs: 1 },
        { type: 'summarize-csv', status: 'succeeded', jobs: 1 },
      ],
    });
    expect(await report('throughput?interval=day')).toEqual({
      interval: 'day',
      items: [{ start: expect.any(String), succeeded: 1, failed: 0 }],
    });
    expect(await report('durations')).toEqual({
      items: [
        {
          type: 'summarize-csv',
          jobs: 1,
          waitedMean: expect.any(Number),
          mean: expect.any(Number),
          p50: expect.any(Number),
          p95: expect.any(Number),
          max: expect.any(Number),
        },
      ],
    });
    expect(await report(`columns?jobId=${job.id}`)).toEqual({
      items: [
        {
          jobId: job.id,
          file: 'numbers.csv',
          rows: 1,
          column: 'a',
          type: 'integer',
          empty: 0,
          distinct: 1,
          distinctExact: true,
          min: 1,
          max: 1,
          mean: 1,
        },
      ],
    });
    const large = { ...result.columns[0], min: '9007199254740993', max: '9007199254740995', mean: '9007199254740994' };
    const [next] = (await claim({ max: 1 })).body.jobs;
    const summary = { charset: 'utf-8', delimiter: null, rows: 2 ** 31, columns: [large] };
    await worker('POST', `/jobs/${next.id}/complete`, { leaseToken: 1, result: summary });
    expect((await report(`columns?jobId=${next.id}`)).items[0]).toMatchObject({
      rows: 2 ** 31,
      min: '9007199254740993',
      max: '9007199254740995',
      mean: '9007199254740994',
    });
    expect(await report('jobs?to=2000-01-01T00:00:00Z')).toEqual({ items: [] });
    expect(await report('jobs?to=2026-12-16T17:23:17-23:37')).toMatchObject({ items: expect.any(Array) });
    expect((await api.reporter('GET', '/reports/jobs?from=yesterday')).body).toMatchObject({
      status: 400,
      errors: [{ field: 'from', message: 'must be a time such as 2026-01-31T12:00:00Z' }],
    });
  });
});

describe('access', () => {
  it('is declared by every route [declared-access, Lanyard]', () => {
    const rules = api.app.get(AccessRules);
    expect(rules.undeclared()).toEqual([]);
    expect(rules.all().length).toBeGreaterThanOrEqual(20);
    expect(rules.scopes()).toEqual(['jobs:read', 'jobs:write', 'reports:read']);
  });

  const id = '00000000-0000-7000-8000-000000000000';
  it.each([
    ['POST', '/jobs', 'jobs:write'],
    ['GET', '/jobs', 'jobs:read'],
    ['GET', `/jobs/${id}`, 'jobs:read'],
    ['POST', '/jobs/claim', 'jobs:write'],
    ['POST', `/jobs/${id}/heartbeat`, 'jobs:write'],
    ['POST', '/jobs/complete', 'jobs:write'],
    ['POST', `/jobs/${id}/complete`, 'jobs:write'],
    ['POST', `/jobs/${id}/fail`, 'jobs:write'],
    ['POST', `/jobs/${id}/release`, 'jobs:write'],
    ['POST', `/jobs/${id}/retry`, 'jobs:write'],
    ['POST', '/files', 'jobs:write'],
    ['GET', '/files', 'jobs:read'],
    ['DELETE', `/files/${'0'.repeat(64)}`, 'jobs:write'],
    ['GET', `/files/${'0'.repeat(64)}`, 'jobs:read'],
    ['GET', '/reports/jobs', 'reports:read'],
    ['GET', '/reports/throughput', 'reports:read'],
    ['GET', '/reports/durations', 'reports:read'],
    ['GET', '/reports/columns', 'reports:read'],
  ] as const)('%s %s needs %s [insufficient-scope, RFC 6750 §3.1]', async (method, url, scope) => {
    const others = ['jobs:read', 'jobs:write', 'reports:read'].filter((value) => value !== scope).join(' ');
    const refused = await api.as('client', others)(method, url);
    expect([refused.status, refused.body.error, refused.body.scope]).toEqual([403, 'insufficient_scope', scope]);
    expect(refused.headers['www-authenticate']).toContain(`error="insufficient_scope"`);
    expect((await api.as('client', scope)(method, url)).status).not.toBe(403);
    const anonymous = await api.app.inject({ method, url });
    expect([anonymous.statusCode, anonymous.headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining(`scope="${scope}"`),
    ]);
  });
});

describe('the API description', () => {
  it('is an OpenAPI document with a schema for every body', async () => {
    const document = (await api.app.inject('/docs-json')).json();
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining(['/jobs', '/jobs/claim', '/files/{id}', '/reports/columns']),
    );
    const create = document.paths['/jobs'].post;
    expect(JSON.stringify(create.requestBody)).toContain('summarize-csv');
    expect(JSON.stringify(create.responses['201'])).toContain('maxAttempts');
    expect(create.security).toEqual([{ access_token: ['jobs:write'] }]);
    expect(document.components.securitySchemes.access_token.flows.clientCredentials).toEqual({
      tokenUrl: `${api.issuer.issuer}/oauth/token`,
      scopes: { 'jobs:read': '', 'jobs:write': '', 'reports:read': '' },
    });
    expect(await faultsOfDocument(document)).toEqual([]);
    const page = await api.app.inject('/docs');
    expect(page.body).toContain('swagger-ui');
    expect(page.headers['content-security-policy']).toContain(`connect-src 'self' ${api.issuer.issuer}`);
  });

  it('is a 404 unless API_DOCS is set [api-docs-off, Lanyard]', async () => {
    const production = await startJobsApi({ API_DOCS: undefined });
    for (const path of ['/docs', '/docs-json', '/docs/swagger-ui.css']) {
      expect([path, (await production.app.inject(path)).statusCode]).toEqual([path, 404]);
    }
    await production.stop();
  });

  it('is ready once it has keys', async () => {
    const ready = await api.app.get(Management).inject('/health/ready');
    expect([ready.statusCode, Object.keys(ready.json().details).toSorted()]).toEqual([
      200,
      ['database', 'keys', 'revocations'],
    ]);
  });
});
