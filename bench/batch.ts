/**
 * Measures the throughput of the batch processor: many small jobs, and large files, with one replica and with three.
 * Real processes and a real Postgres on this machine. `npm run bench:batch`, Linux.
 */
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, type Service, startSystem } from '@lanyard/local-system';
import { Command } from 'commander';
import pg from 'pg';
import { conditions, memoryOf, peakMemoryOf } from './machine.ts';
import { positiveNumber } from './options.ts';
import { printLine, printTable } from './report/print.ts';
import { digits, type Row } from './report/report.ts';
import { cleanUp, directory, signal, started } from './started.ts';

const { jobs, megabytes } = new Command('npm run bench:batch --')
  .option('--jobs <number>', 'small jobs', positiveNumber, 10_000)
  .option('--megabytes <number>', 'size of the large file', positiveNumber, 1024)
  .parse()
  .opts<{ jobs: number; megabytes: number }>();

const ports = { authServer: await freePort(), batchProcessor: await freePort(), jobsApi: await freePort() };
const output = openSync(join(directory, 'log'), 'a');
// Each replica starts a run when it starts: the schedule must not start others.
const environment = { NODE_ENV: 'production', SCHEDULE: '0 0 1 1 *' };
const system = await started(startSystem({ directory, ports, environment, output, signal, endsWithProcess: true }));
const { batchProcessor, jobsApi } = system.services;
await batchProcessor.stop();
const database = new pg.Client({ connectionString: system.databases.jobs });
await database.connect();

type Init = Omit<RequestInit, 'headers'> & { headers: Record<string, string>; duplex?: 'half' };

async function call(path: string, init: Init): Promise<{ id: string }> {
  const token = await system.accessToken('batch-processor');
  const response = await fetch(`${system.urls.jobsApi}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, ...init.headers },
  });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as { id: string };
}

const upload = (content: Iterable<string> | AsyncIterable<Buffer>) =>
  call('/files', {
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: Readable.toWeb(Readable.from(content, { objectMode: false })) as RequestInit['body'],
    duplex: 'half',
  });

/** Creates jobs on this file in the database, as many calls of the API would. */
async function createJobs(file: string, count: number): Promise<void> {
  await database.query('DELETE FROM job');
  const body = JSON.stringify({ type: 'summarize-csv', payload: { file, name: 'bench.csv' } });
  await call('/jobs', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  await database.query(
    `INSERT INTO job (id, type, payload, max_attempts, request_id, created_by, request_digest)
       SELECT gen_random_uuid(), type, payload, max_attempts, request_id, created_by, request_digest
       FROM job, generate_series(2, $1::int)`,
    [count],
  );
  await database.query('VACUUM ANALYZE job');
}

interface Run {
  seconds: number;
  /** the largest memory of any batch processor, MB */
  batchMemory: number;
  jobsApiMemory: number;
}

/** Runs this many batch processors until all jobs have succeeded. */
async function processAll(replicas: number): Promise<Run> {
  const workers: Service[] = [];
  for (let i = 0; i < replicas; i++) workers.push(await system.replica('batch-processor', await freePort()));
  for (const worker of workers) worker.start();
  try {
    let jobsApiMemory = 0;
    for (;;) {
      const { rows } = await database.query<{ open: number; failed: number; seconds: number }>(
        `SELECT count(*) FILTER (WHERE status IN ('pending', 'running'))::int AS open,
                count(*) FILTER (WHERE status = 'failed')::int AS failed,
                extract(epoch FROM max(finished_at) - min(started_at))::float AS seconds FROM job`,
      );
      const { open, failed, seconds } = rows[0]!;
      if (failed > 0) throw new Error(`${failed} jobs failed`);
      jobsApiMemory = Math.max(jobsApiMemory, memoryOf(jobsApi.pid!));
      if (open === 0) {
        return { seconds, batchMemory: Math.max(...workers.map(({ pid }) => peakMemoryOf(pid!))), jobsApiMemory };
      }
      await sleep(200);
    }
  } finally {
    for (const worker of workers) await worker.stop();
  }
}

function* smallFile() {
  yield 'id,name,value\n';
  for (let row = 0; row < 100; row++) yield `${row},name ${row},${row / 7}\n`;
}

async function* largeFile(size: number) {
  let left = size;
  let row = 0;
  const line = () => `${row++},name ${row % 1000},${(row * 7919) % 100_003},${row / 3},2026-01-${10 + (row % 20)}\n`;
  for (let chunk = Buffer.from('id,name,value,share,day\n'); left > 0; left -= chunk.length) {
    yield chunk;
    let text = '';
    while (text.length < 256 * 1024) text += line();
    chunk = Buffer.from(text);
  }
}

const memory = ({ batchMemory, jobsApiMemory }: Run) =>
  `at most ${digits(batchMemory)} MB in the batch processor, ${digits(jobsApiMemory)} MB in the jobs API`;
try {
  const small = await upload(smallFile());
  const rows: Row[] = [];
  for (const replicas of [1, 3]) {
    await createJobs(small.id, jobs);
    const run = await processAll(replicas);
    const value = `${digits(jobs / run.seconds)} jobs per second; ${memory(run)}`;
    rows.push({ what: `${replicas} replica${replicas > 1 ? 's' : ''}`, value });
  }
  printTable({ title: `${digits(jobs)} small jobs`, rows });

  const begun = performance.now();
  const large = await upload(largeFile(megabytes * 1024 * 1024));
  const uploaded = (performance.now() - begun) / 1000;
  const largeRows = [
    {
      what: 'upload',
      value: `${digits(megabytes / uploaded)} MB per second; jobs API ${digits(memoryOf(jobsApi.pid!))} MB`,
    },
  ];
  for (const replicas of [1, 3]) {
    await createJobs(large.id, replicas);
    const run = await processAll(replicas);
    const value = `${digits((megabytes * replicas) / run.seconds)} MB per second; ${memory(run)}`;
    largeRows.push({ what: `${replicas} replica${replicas > 1 ? 's, a job each' : ''}`, value });
  }
  printTable({ title: `A CSV file of ${digits(megabytes)} MB`, rows: largeRows });
  printLine(conditions());
} finally {
  await database.end();
  await cleanUp();
}
