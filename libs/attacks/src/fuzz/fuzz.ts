import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../not-stopped.ts';
import { call, assertHealthy } from '../http.ts';
import type { Target } from '../target.ts';
import { Memory } from './memory.ts';
import { mutated, randomNumbers } from './mutate.ts';
import { seedsOf, type Seed } from './seeds.ts';
import { Wire } from '../wire.ts';

/** How many requests are in progress at a time. */
const connections = 24;
/** How long to wait for an answer, ms: some requests are long polls, and some are incomplete. */
const answerTimeout = 2000;
/** The minimum number of requests to judge memory: a short run only warms up. */
const minRequestsToJudge = 200_000;

export interface FuzzReport {
  requests: number;
  seconds: number;
  /** the number of answers by status; `silent`: no answer within two seconds, `closed`: the connection was closed */
  statuses: Record<string, number>;
  endpoints: number;
  /** requests that were answered with a 5xx, as sent, without secrets */
  failures: string[];
  /** the memory of each service, for each tenth of the run */
  memory: Memory[];
  /** services that restarted during the run */
  restarted: string[];
}

/**
 * Sends malformed requests to every endpoint. The same seed and the same tokens result in the same requests.
 * @param onProgress  called after each tenth
 */
export async function fuzz(
  target: Target,
  { requests, seed, onProgress }: { requests: number; seed: number; onProgress: (report: FuzzReport) => void },
): Promise<FuzzReport> {
  const memory = [
    new Memory(target.issuer, () => target.inspect('auth-server', '/metrics')),
    new Memory(target.jobsApi, () => target.inspect('jobs-api', '/metrics')),
    new Memory(target.batchProcessor, () => target.inspect('batch-processor', '/metrics')),
  ];
  const begun = performance.now();
  const report: FuzzReport = {
    requests: 0,
    seconds: 0,
    statuses: {},
    endpoints: 0,
    failures: [],
    memory,
    restarted: [],
  };
  const started = await Promise.all(memory.map((service) => service.processStart()));
  for (let tenth = 0; tenth < 10; tenth++) {
    // Renews the tokens, as they expire.
    const seeds = await seedsOf(target);
    if (tenth === 0) await assertAdmitted(seeds);
    report.endpoints = new Set(seeds.map(({ url, method, path }) => `${method} ${url}${path}`)).size;
    const until = Math.round((requests * (tenth + 1)) / 10);
    const workers = Promise.all(Array.from({ length: connections }, () => work(target, seeds, seed, report, until)));
    await Promise.all([workers, sampleMemory(report, until)]);
    for (const service of memory) {
      await assertHealthy(service.url);
      await service.endPart();
    }
    report.seconds = (performance.now() - begun) / 1000;
    onProgress(report);
  }
  for (const [index, service] of memory.entries()) {
    if ((await service.processStart()) !== started[index]) report.restarted.push(service.url);
  }
  return report;
}

/** The faults that a run found, one line each. */
export function faultsOf({ requests, statuses, failures, memory, restarted }: FuzzReport): string[] {
  const silent = (statuses.silent ?? 0) + (statuses.closed ?? 0);
  const grown = requests >= minRequestsToJudge ? memory.filter((service) => service.grows) : [];
  return [
    ...failures,
    ...restarted.map((url) => `${url} restarted`),
    ...grown.map((service) => `${service.url} grows: ${service}`),
    ...(silent > requests / 20 ? [`${silent} of ${requests} requests were not answered`] : []),
  ];
}

/** The services whose memory growth could not be judged. */
export function unjudgedOf({ requests, memory }: FuzzReport): string[] {
  return memory.filter((service) => requests < minRequestsToJudge || service.grows === undefined).map(({ url }) => url);
}

/** Checks that the unchanged requests pass authentication and method checks, so that their content is examined. */
async function assertAdmitted(seeds: Seed[]): Promise<void> {
  for (const { url, method, path, headers, body, mayBeRefused } of seeds) {
    const { status } = await call(url + path, { method, headers, body });
    assert(
      mayBeRefused === true || ![401, 403, 405, 415].includes(status),
      `${method} ${path} is answered with ${status}`,
    );
  }
}

async function work(target: Target, seeds: Seed[], seed: number, report: FuzzReport, until: number): Promise<void> {
  const wires = new Map<string, Wire>();
  while (report.requests < until) {
    report.requests += 1;
    // Each request has its own random numbers, so that it does not depend on the outcome of others.
    const random = randomNumbers(seed * 1_000_003 + report.requests);
    const chosen = seeds[Math.floor(random() * seeds.length)]!;
    const bytes = mutated(chosen, random);
    const wire = wires.get(chosen.url) ?? new Wire(chosen.url, answerTimeout);
    wires.set(chosen.url, wire);
    const status = await wire.send(bytes);
    report.statuses[status] = (report.statuses[status] ?? 0) + 1;
    if (typeof status === 'number' && status >= 500) {
      report.failures.push(`${status}: ${target.withoutSecrets(bytes.toString('latin1')).slice(0, 1000)}`);
    }
  }
  for (const wire of wires.values()) wire.close();
}

/** Samples memory while requests are being sent. */
async function sampleMemory(report: FuzzReport, until: number): Promise<void> {
  while (report.requests < until) {
    // `assertHealthy` checks whether a service still answers.
    for (const service of report.memory) await service.sample().catch(() => undefined);
    await sleep(500);
  }
}
