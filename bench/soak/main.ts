/**
 * An hour at a third of full load, with two replicas of the authorization server and of the jobs API: every five
 * minutes all database connections are cut, a replica restarts, and the signing key rotates. No caller that retries may
 * fail, and no service may end. Prints the memory of each. Real processes and a real Postgres on this machine.
 * `npm run soak`, Linux.
 */
import { openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { basicCredentials } from '@lanyard/oauth-protocol';
import { freePort, startSystem } from '@lanyard/local-system';
import { Command } from 'commander';
import { conditions, memoryOf } from '../machine.ts';
import { positiveNumber } from '../options.ts';
import { printLine, printTable } from '../report/print.ts';
import { digits } from '../report/report.ts';
import { cleanUp, directory, signal, started, stopAll } from '../started.ts';
import { median, percentile } from '../statistics.ts';
import { steadily } from '../steadily.ts';
import { fullRate, sendToAny } from './callers.ts';
import { disturbancesOf } from './disturbances.ts';

const { minutes, every } = new Command('npm run soak --')
  .option('--minutes <number>', 'how long', positiveNumber, 60)
  .option('--every <number>', 'minutes between two disturbances of the same kind', positiveNumber, 5)
  .parse()
  .opts<{ minutes: number; every: number }>();

const log = join(directory, 'log');
const ports = { authServer: await freePort(), batchProcessor: await freePort(), jobsApi: await freePort() };
const environment = {
  NODE_ENV: 'production',
  LOG_LEVEL: 'warn',
  TOKENS_PER_MINUTE: '10000000',
  SIGNING_KEY_ANNOUNCEMENT: '20',
  SCHEDULE: '*/10 * * * * *',
};
const system = await started(
  startSystem({ directory, ports, environment, output: openSync(log, 'a'), signal, endsWithProcess: true }),
);
const [authPort, jobsPort] = [await freePort(), await freePort()];
const second = [await system.replica('auth-server', authPort), await system.replica('jobs-api', jobsPort)] as const;
for (const replica of second) {
  replica.start();
  await started(replica);
}
await Promise.all(second.map((replica) => replica.ready()));
const issuers = [system.urls.issuer, `http://localhost:${authPort}`];
const jobsApis = [system.urls.jobsApi, `http://localhost:${jobsPort}`];
const { authServer, jobsApi, batchProcessor } = system.services;
const services = { authServer, 'authServer 2': second[0], jobsApi, 'jobsApi 2': second[1], batchProcessor };

const ends: string[] = [];
for (const service of Object.values(services)) service.onUnexpectedEnd = (reason) => void ends.push(reason);

const authorization = basicCredentials('batch-processor', await system.secretOf('batch-processor'));
const form = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
/** A token that is not revoked. */
let held = '';
async function obtainToken(index: number): Promise<{ retries: number; token: string }> {
  const init = { method: 'POST', headers: form, body: 'grant_type=client_credentials' };
  const { status, body, retries } = await sendToAny(issuers, index, '/oauth/token', init);
  if (status !== 200) throw new Error(`a token: ${status} ${body}`);
  return { retries, token: (JSON.parse(body) as { access_token: string }).access_token };
}
async function callJobs(index: number) {
  const headers = { authorization: `Bearer ${held}` };
  const answer = await sendToAny(jobsApis, index, '/jobs?limit=1', { headers });
  if (answer.status !== 200) throw new Error(`the jobs API: ${answer.status} ${answer.body}`);
  return answer;
}
const refusedAfter: number[] = [];
/** Revokes a token and waits until a resource server refuses it. */
async function revokeOne(index: number): Promise<void> {
  const { token } = await obtainToken(index);
  const body = new URLSearchParams({ token }).toString();
  const revoked = await sendToAny(issuers, index, '/oauth/revoke', { method: 'POST', headers: form, body });
  if (revoked.status !== 200) throw new Error(`a revocation: ${revoked.status} ${revoked.body}`);
  for (const begun = performance.now(); ;) {
    const headers = { authorization: `Bearer ${token}` };
    const { status } = await sendToAny(jobsApis, index, '/jobs?limit=1', { headers });
    if (status === 401) {
      refusedAfter.push(performance.now() - begun);
      return;
    }
    if (performance.now() - begun > 15_000) throw new Error('a revoked token is accepted for 15 seconds');
    await sleep(20);
  }
}
/** Submits a file and a job on it; at the end the batch processor must have processed it. */
async function submitJob(index: number): Promise<void> {
  const { token } = await obtainToken(index);
  const headers = { authorization: `Bearer ${token}`, 'idempotency-key': `soak-${index}` };
  const csv = { method: 'POST', headers: { ...headers, 'content-type': 'text/csv' }, body: `a,b\n1,${index}\n` };
  const file = await sendToAny(jobsApis, index, '/files', csv);
  if (file.status !== 201) throw new Error(`a file: ${file.status} ${file.body}`);
  const { id } = JSON.parse(file.body) as { id: string };
  const body = JSON.stringify({ type: 'summarize-csv', payload: { file: id, name: `soak-${index}.csv` } });
  const json = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body };
  const job = await sendToAny(jobsApis, index, '/jobs', json);
  if (job.status !== 201 && job.status !== 200) throw new Error(`a job: ${job.status} ${job.body}`);
}
async function jobsLeft(): Promise<number> {
  const { token } = await obtainToken(0);
  let left = 0;
  for (const status of ['pending', 'running', 'failed']) {
    const { body } = await sendToAny(jobsApis, 0, `/jobs?status=${status}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    left += (JSON.parse(body) as { items: unknown[] }).items.length;
  }
  return left;
}

let failures = 1;
try {
  printLine(conditions());
  await fullRate(32, 3, obtainToken);
  const full = await fullRate(32, 10, obtainToken);
  held = (await obtainToken(0)).token;
  const rate = full / 3;
  printLine(
    `full load: ${digits(full)} tokens a second; the soak: ${digits(rate)}, for ${minutes} minutes; log: ${log}`,
  );

  const loads = {
    tokens: steadily(rate, async (index) => {
      const { retries, token } = await obtainToken(index);
      held = token;
      return { retries };
    }),
    calls: steadily(rate / 10, callJobs),
    revocations: steadily(1, revokeOne),
    jobs: steadily(0.2, submitJob),
  };
  const memory: Record<string, number>[] = [];
  // The first replicas run for the whole time, to show whether their memory grows.
  const disturbances = disturbancesOf(system, second);
  const disturbanceFailures: string[] = [];
  const begun = performance.now();
  const elapsed = () => (performance.now() - begun) / 60_000;
  const sampling = setInterval(() => {
    const pids = Object.entries(services).flatMap(([name, { pid }]) =>
      pid === undefined ? [] : [[name, memoryOf(pid)]],
    );
    memory.push(Object.fromEntries(pids) as Record<string, number>);
  }, 5000);
  const printFailures = () => {
    for (const { count } of Object.values(loads)) for (const failure of count.failures.splice(0)) printLine(failure);
  };
  const failuresSoFar = () => Object.values(loads).reduce((sum, { count }) => sum + count.failed, 0);
  for (let turn = 0; elapsed() < minutes; turn++) {
    const due = ((turn + 1) * every) / disturbances.length;
    while (elapsed() < Math.min(due, minutes)) await sleep(500);
    if (elapsed() >= minutes) break;
    const { name, run } = disturbances[turn % disturbances.length]!;
    const done = await run(Math.floor(turn / disturbances.length)).catch((error: unknown) => {
      disturbanceFailures.push(`${name}: ${String(error)}`);
      return String(error);
    });
    printFailures();
    printLine(`${elapsed().toFixed(1)} min: ${name} (${done}); failures so far: ${failuresSoFar()}`);
  }
  for (const { stop } of Object.values(loads)) await stop();
  clearInterval(sampling);

  let left = 1;
  for (let tries = 0; tries < 60 && left > 0; tries++) {
    left = await jobsLeft();
    if (left > 0) await sleep(1000);
  }
  const quarter = Math.ceil(memory.length / 4);
  const mediansOf = (samples: Record<string, number>[], name: string) =>
    median(samples.flatMap((sample) => sample[name] ?? []));
  printTable({
    title: 'Requests',
    rows: Object.entries(loads).map(([what, { count }]) => ({
      what,
      value: `${count.succeeded} succeeded, ${count.retried} of them after a retry, ${count.failed} failed`,
    })),
  });
  printTable({
    title: 'Resident memory, median of the first and of the last quarter',
    rows: Object.keys(services).map((what) => ({
      what,
      value: `${digits(mediansOf(memory.slice(0, quarter), what))} MB, ${digits(mediansOf(memory.slice(-quarter), what))} MB`,
    })),
  });
  const [p50, p99, slowest] = [0.5, 0.99, 1].map((share) => percentile(refusedAfter, share).toFixed(0));
  printLine(`revoked, then refused, p50 / p99 / maximum: ${p50} / ${p99} / ${slowest} ms, cuts and restarts included`);
  // 503 is the expected answer while connections are cut.
  const errors = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => /"level":"(error|fatal)"/.test(line) && !line.includes('"status":503'));
  printFailures();
  for (const line of [...ends, ...disturbanceFailures, ...errors.slice(0, 20)]) printLine(line);
  failures = failuresSoFar() + ends.length + disturbanceFailures.length + left;
  printLine(
    `failures ${failuresSoFar()}, services that ended ${ends.length}, jobs not done ${left}, error lines ${errors.length}: ${failures === 0 ? 'pass' : 'FAIL'}`,
  );
} finally {
  // Keeps the log after a failure.
  await (failures === 0 ? cleanUp() : stopAll());
}
process.exitCode = failures === 0 ? 0 : 1;
