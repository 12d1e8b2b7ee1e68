import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { lanyard, type Line, type Service } from '@lanyard/local-system';
import pg from 'pg';
import { basic } from '../basic.ts';
import { startSystem, type RecordedSystem } from '../recorded-system.ts';
import { call, type Answer } from '../system-under-test.ts';

let system: RecordedSystem;
let services: Service[];
let postgres: pg.Client;
const lines: Line[] = [];
const ended: string[] = [];

beforeAll(async () => {
  const environment = { TOKENS_PER_MINUTE: '100000', REGISTRY_RECONCILIATION_PERIOD: '1', LEASE_SWEEP_INTERVAL: '0.2' };
  system = await startSystem({ environment, onLine: (line) => lines.push(line) });
  services = Object.values(system.services);
  for (const service of services) service.onUnexpectedEnd = (reason) => void ended.push(reason);
  postgres = new pg.Client({ connectionString: system.postgres.url });
  await postgres.connect();
}, 60_000);
afterAll(async () => {
  await postgres?.end();
  await system?.stop();
});

const form = async (path: string, parameters: Record<string, string>, clientId = 'jobs-cli') =>
  call(system.urls.issuer + path, {
    method: 'POST',
    body: new URLSearchParams(parameters),
    headers: { authorization: basic(clientId, await system.secretOf(clientId)) },
  });
const send = (url: string, token: string, body?: string, type = 'application/json') =>
  call(url, {
    ...(body !== undefined && { method: 'POST', body }),
    headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': type }) },
  });

/** Cuts every database connection of the services, and returns their number. */
async function cutAll(): Promise<number> {
  const { rowCount } = await postgres.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname IN ('lanyard_auth', 'lanyard_jobs') AND pid <> pg_backend_pid()`,
  );
  return rowCount ?? 0;
}

describe('cutting five hundred database connections under load', () => {
  it('ends no process, and each request succeeds or is answered with 503 [no-process-ends, Lanyard]', async () => {
    const environment = { ISSUER: system.urls.issuer, SECRETS_DIRECTORY: system.secretsDirectory };
    const administrator = (await lanyard(environment, ['token', 'get'])).out.trim();
    const jobs = await system.accessToken('jobs-cli');
    const pids = services.map(({ pid }) => pid);
    const stopped = new AbortController();
    const answers = new Map<string, number>();
    const unexpected: string[] = [];
    const repeatedly = async (name: string, request: (index: number) => Promise<Answer>) => {
      for (let index = 0; !stopped.signal.aborted; index++) {
        const { status, body } = await request(index).catch((error: unknown) => ({ status: 599, body: String(error) }));
        const key = `${name} ${status}`;
        answers.set(key, (answers.get(key) ?? 0) + 1);
        if (status >= 300 && status !== 503) unexpected.push(`${key} ${JSON.stringify(body)}`);
        await sleep(1);
      }
    };
    const { issuer, jobsApi } = system.urls;
    const load = [
      ...Array.from({ length: 3 }, () =>
        repeatedly('list clients', () => send(`${issuer}/admin/clients`, administrator)),
      ),
      repeatedly('register', (index) =>
        send(
          `${issuer}/admin/clients`,
          administrator,
          JSON.stringify({ client_id: `client-${index}`, scope: 'jobs:read' }),
        ),
      ),
      repeatedly('revoke', async () => {
        const answer = await form('/oauth/token', { grant_type: 'client_credentials' });
        if (answer.status !== 200) return answer;
        return form('/oauth/revoke', { token: String(answer.body.access_token) });
      }),
      ...Array.from({ length: 3 }, () => repeatedly('list jobs', () => send(`${jobsApi}/jobs?limit=5`, jobs))),
      repeatedly('submit', async (index) => {
        const file = await send(`${jobsApi}/files`, jobs, `a,b\n${index},2\n`, 'text/csv');
        if (file.status !== 201) return file;
        const job = { type: 'summarize-csv', payload: { file: file.body.id, name: 'numbers.csv' } };
        return send(`${jobsApi}/jobs`, jobs, JSON.stringify(job));
      }),
    ];
    let cuts = 0;
    while (cuts < 500 && ended.length === 0) {
      cuts += await cutAll();
      // Random, so that connections are cut while idle, while in use, and in between.
      await sleep(50 + Math.random() * 100);
    }
    stopped.abort();
    await Promise.all(load);

    process.stderr.write(`${cuts} connections cut; ${JSON.stringify(Object.fromEntries(answers))}\n`);
    expect(ended).toEqual([]);
    expect(unexpected).toEqual([]);
    expect(services.map(({ pid }) => pid)).toEqual(pids);
    for (const name of ['list clients 200', 'register 201', 'revoke 200', 'list jobs 200', 'submit 201'])
      expect([name, (answers.get(name) ?? 0) > 0]).toEqual([name, true]);
    await Promise.all(services.map((service) => service.ready()));
    expect((await send(`${issuer}/admin/clients`, administrator)).status).toBe(200);
    expect((await send(`${jobsApi}/jobs?limit=1`, jobs)).status).toBe(200);
    const lost = lines.filter(({ fields }) => fields?.msg === 'a database connection was lost');
    expect(new Set(lost.map(({ fields }) => fields?.connection))).toEqual(
      new Set([
        'auth-server',
        'auth-server (bulk)',
        'auth-server (emergencies)',
        'auth-server (listening)',
        'jobs-api',
      ]),
    );
    expect(lost.length).toBeLessThanOrEqual(cuts);
  }, 120_000);
});
