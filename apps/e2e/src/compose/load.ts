import { setTimeout as sleep } from 'node:timers/promises';
import { TokenClient } from '@lanyard/token-client';
import pRetry, { AbortError } from 'p-retry';
import type { Outcome } from './load.fixture.ts';

/**
 * Sends requests with only short pauses until standard input ends: some callers request a new token each time, others
 * call the jobs API and create jobs. They retry as the token client and the batch processor do, with the same number of
 * attempts and delays. This is a separate program because fetch throws other error classes than Jest's sandbox has.
 */
const { ISSUER: issuer = '', JOBS_API: jobsApi = '', CLIENT_SECRET: clientSecret = '' } = process.env;
const callers = 4;
const outcome: Outcome = { tokens: 0, calls: 0, created: [], failures: [] };
const stopping = new AbortController();

const tokenClient = () => new TokenClient({ issuer, clientId: 'batch-processor', clientSecret });
const authorizedFetch = tokenClient().fetch({ scope: 'jobs:read jobs:write', resource: jobsApi });

const call = (path: string, init: RequestInit = {}) =>
  pRetry(
    async () => {
      const response = await authorizedFetch(jobsApi + path, { ...init, signal: AbortSignal.timeout(10_000) });
      if (response.ok) return (await response.json()) as { id: string };
      const error = new Error(`${path} answered ${response.status}`);
      throw response.status < 500 && response.status !== 429 ? new AbortError(error) : error;
    },
    { retries: 5, minTimeout: 200, maxTimeout: 2000, randomize: true },
  );

async function requestToken(): Promise<void> {
  await tokenClient().getToken({ scope: 'jobs:read', resource: jobsApi });
  outcome.tokens += 1;
}

async function listJobs(): Promise<void> {
  await call('/jobs?limit=1');
  outcome.calls += 1;
}

let jobs = 0;
async function createJob(): Promise<void> {
  const key = `load-${Date.now()}-${++jobs}`;
  const csv = { method: 'POST', body: 'a,b\n1,2\n', headers: { 'content-type': 'text/csv' } };
  const file = await call('/files', csv);
  const body = JSON.stringify({ type: 'summarize-csv', payload: { file: file.id, name: `${key}.csv` } });
  const headers = { 'content-type': 'application/json', 'idempotency-key': key };
  outcome.created.push((await call('/jobs', { method: 'POST', body, headers })).id);
  outcome.calls += 2;
  await sleep(100);
}

async function repeat(work: () => Promise<void>): Promise<void> {
  while (!stopping.signal.aborted) {
    await work().catch((error: unknown) => outcome.failures.push(`${new Date().toISOString()} ${describe(error)}`));
    await sleep(10);
  }
}

function describe(error: unknown): string {
  const parts: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) parts.push(cause.message);
  return parts.join(': ');
}

process.stdin.on('end', () => stopping.abort()).resume();
const workers = Array.from({ length: callers }, () => [repeat(requestToken), repeat(listJobs)]).flat();
await Promise.all([...workers, repeat(createJob)]);
process.stdout.write(JSON.stringify(outcome));
