import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort, type Line, type Service } from '@lanyard/local-system';
import { startSystem, type RecordedSystem } from '../recorded-system.ts';
import { basic } from '../basic.ts';
import { call } from '../system-under-test.ts';

let system: RecordedSystem;
const lines: Line[] = [];
const replicas: Service[] = [];

beforeAll(async () => {
  const environment = { LEASE_SECONDS: '2', CONCURRENCY: '2', LEASE_SWEEP_INTERVAL: '0.2' };
  system = await startSystem({ environment, onLine: (line) => lines.push(line) });
}, 60_000);
afterAll(async () => {
  for (const replica of replicas) await replica.stop();
  await system?.stop();
});

async function token(scope: string): Promise<string> {
  const { body } = await call(`${system.urls.issuer}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
    headers: { authorization: basic('jobs-cli', await system.secretOf('jobs-cli')) },
  });
  return String(body.access_token);
}

const api = async (method: string, path: string, body?: string, type = 'application/json') =>
  (
    await call(system.urls.jobsApi + path, {
      method,
      body,
      headers: {
        authorization: `Bearer ${await token('jobs:read jobs:write')}`,
        ...(body && { 'content-type': type }),
      },
    })
  ).body;
const startRun = async () =>
  call(`${system.urls.batchProcessor}/runs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await token('runs:write')}` },
  });

async function submit(count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const csv = `id,job,value\n${Array.from({ length: 60_000 }, (_, row) => `${row},${i},${row / 7}`).join('\n')}`;
    const file = await api('POST', '/files', csv, 'text/csv');
    const job = await api(
      'POST',
      '/jobs',
      JSON.stringify({ type: 'summarize-csv', payload: { file: file.id, name: `${i}.csv` } }),
    );
    ids.push(String(job.id));
  }
  return ids;
}

const statusOf = async (id: string) => (await api('GET', `/jobs/${id}`)).status;
async function untilSucceeded(ids: string[]): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const statuses = await Promise.all(ids.map(statusOf));
    if (statuses.every((status) => status === 'succeeded')) return;
    await sleep(200);
  }
  throw new Error(`not done: ${await Promise.all(ids.map(statusOf))}`);
}
/** How often each job was completed, from the log of the jobs API. */
const completions = (ids: string[]) =>
  ids.map(
    (id) =>
      lines.filter(
        ({ service, fields }) =>
          service === 'jobs-api' &&
          fields?.status === 200 &&
          ((fields.route === '/jobs/:id/complete' && (fields.params as { id: string }).id === id) ||
            (fields.route === '/jobs/complete' && (fields.job_ids as string[]).includes(id))),
      ).length,
  );
/** The log is read a moment after the answer. */
async function untilLogged(ids: string[], unlogged = 0): Promise<void> {
  while (completions(ids).filter((count) => count === 0).length > unlogged) await sleep(5);
}

describe('the system', () => {
  it('finishes every job exactly once when the batch processor is killed in the middle of a batch', async () => {
    const ids = await submit(8);
    await startRun();
    while (!completions(ids).includes(1)) await sleep(5);
    await system.services.batchProcessor.stop('SIGKILL');
    system.services.batchProcessor.start();
    // Some jobs were started and not finished, whether or not their leases have expired.
    const jobs = await Promise.all(ids.map((id) => api('GET', `/jobs/${id}`)));
    expect(jobs.some(({ status, attempts }) => status !== 'succeeded' && Number(attempts) > 0)).toBe(true);
    await untilSucceeded(ids);
    await untilLogged(ids, 1);
    // The answer to one completion may have been cut off, so that it is not in the log. None is there twice.
    expect(
      completions(ids)
        .toSorted((a, b) => a - b)
        .slice(1),
    ).toEqual(ids.slice(1).map(() => 1));
  }, 90_000);

  it('releases the jobs in progress when the batch processor stops, so that they can be claimed again at once', async () => {
    const ids = await submit(8);
    await startRun();
    while ((await Promise.all(ids.map(statusOf))).every((status) => status === 'pending')) await sleep(5);
    await system.services.batchProcessor.stop();
    expect(lines.filter(({ fields }) => fields?.msg === 'stopped before all work had ended')).toEqual([]);
    expect((await Promise.all(ids.map(statusOf))).filter((status) => status === 'running')).toEqual([]);
    system.services.batchProcessor.start();
    await untilSucceeded(ids);
    await untilLogged(ids);
    expect(completions(ids)).toEqual(ids.map(() => 1));
  }, 90_000);

  it('shares the work among replicas', async () => {
    const replica = await system.replica('batch-processor', await freePort());
    replicas.push(replica);
    replica.start();
    await replica.ready();
    const ids = await submit(12);
    await Promise.all([
      startRun(),
      call(`${replica.options.url}/runs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${await token('runs:write')}` },
      }),
    ]);
    await untilSucceeded(ids);
    await untilLogged(ids);
    expect(completions(ids)).toEqual(ids.map(() => 1));
    await replica.stop();
  }, 90_000);

  it('keeps using a cached token through an outage of the authorization server', async () => {
    await system.services.authServer.stop('SIGKILL');
    const tokensObtained = lines.filter(({ fields }) => fields?.msg === 'access token obtained').length;
    expect((await call(`${system.services.jobsApi.options.managementUrl}/health/ready`)).status).toBe(200);
    system.services.authServer.start();
    await system.services.authServer.ready();
    const ids = await submit(1);
    await startRun();
    await untilSucceeded(ids);
    expect(lines.filter(({ fields }) => fields?.msg === 'access token obtained').length).toBe(tokensObtained);
  }, 60_000);

  it('carries the id of a request from service to service', async () => {
    const file = await api('POST', '/files', 'a\n1\n', 'text/csv');
    const { body } = await call(`${system.urls.jobsApi}/jobs`, {
      method: 'POST',
      body: JSON.stringify({ type: 'summarize-csv', payload: { file: file.id, name: 'followed.csv' } }),
      headers: {
        authorization: `Bearer ${await token('jobs:write')}`,
        'content-type': 'application/json',
        'x-request-id': 'follow-me',
      },
    });
    await startRun();
    await untilSucceeded([String(body.id)]);
    const followed = lines
      .filter(({ fields }) => fields?.request_id === 'follow-me')
      .map(({ service, fields }) => `${service} ${fields?.route ?? fields?.msg}`);
    expect(new Set(followed)).toEqual(
      new Set([
        'jobs-api /jobs',
        'jobs-api /files/:id',
        'jobs-api /jobs/:id/complete',
        'batch-processor job succeeded',
      ]),
    );
  }, 60_000);

  it('logs no token and no secret [no-secret-in-output, Lanyard]', async () => {
    const text = lines.map((line) => line.text).join('\n');
    expect(text.length).toBeGreaterThan(1000);
    for (const clientId of ['batch-processor', 'jobs-cli'])
      expect(text.includes(await system.secretOf(clientId))).toBe(false);
    expect(/eyJ[\w-]+\.[\w-]+\./.test(text)).toBe(false);
  });
});
