import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../not-stopped.ts';
import { call, assertHealthy } from '../http.ts';
import type { Target } from '../target.ts';
import { Memory } from './memory.ts';
import { mutated, randomNumbers } from './mutate.ts';
import { seedsOf, type Seed } from './seeds.ts';
import { Wire } from '../wire.ts';

/** How many requests are under way at a time. */
const connections = 24;
/** How long an answer is awaited, ms: some requests ask to wait, and some are not whole. */
const patience = 2000;
/** How many requests there must be before memory is judged: a short run warms up only. */
const judged = 200_000;

export interface FuzzReport {
  requests: number;
  seconds: number;
  /** how often each status was answered; `silent`: none within two seconds, `closed`: the connection was */
  statuses: Record<string, number>;
  endpoints: number;
  /** requests that were answered with a 5xx, as they were sent but for secrets */
  failures: string[];
  /** of each service, in tenths of the run */
  memory: Memory[];
  /** services that were started anew meanwhile */
  restarted: string[];
}

/**
 * Sends requests with something wrong to every endpoint, the same ones for the same seed and tokens.
 * @param told  after each tenth
 */
export async function fuzz(
  target: Target,
  { requests, seed, told }: { requests: number; seed: number; told: (report: FuzzReport) => void },
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
    // Tokens end.
    const seeds = await seedsOf(target);
    if (tenth === 0) await insistOnEntry(seeds);
    report.endpoints = new Set(seeds.map(({ url, method, path }) => `${method} ${url}${path}`)).size;
    const until = Math.round((requests * (tenth + 1)) / 10);
    const workers = Promise.all(Array.from({ length: connections }, () => work(target, seeds, seed, report, until)));
    await Promise.all([workers, look(report, until)]);
    for (const service of memory) {
      await assertHealthy(service.url);
      await service.endPart();
    }
    report.seconds = (performance.now() - begun) / 1000;
    told(report);
  }
  for (const [index, service] of memory.entries()) {
    if ((await service.processStart()) !== started[index]) report.restarted.push(service.url);
  }
  return report;
}

/** What is wrong with what a run found, in a line each. */
export function faultsOf({ requests, statuses, failures, memory, restarted }: FuzzReport): string[] {
  const silent = (statuses.silent ?? 0) + (statuses.closed ?? 0);
  const grown = requests >= judged ? memory.filter((service) => service.grows) : [];
  return [
    ...failures,
    ...restarted.map((url) => `${url} was started anew`),
    ...grown.map((service) => `${service.url} grows: ${service}`),
    ...(silent > requests / 20 ? [`${silent} of ${requests} requests were not answered`] : []),
  ];
}

/** The services of which it is not known whether their memory grows. */
export function unjudgedOf({ requests, memory }: FuzzReport): string[] {
  return memory.filter((service) => requests < judged || service.grows === undefined).map(({ url }) => url);
}

/** A request that nothing is wrong with comes through to where its content is looked at. */
async function insistOnEntry(seeds: Seed[]): Promise<void> {
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
    // Its own numbers, so that it is the same whatever became of the others.
    const random = randomNumbers(seed * 1_000_003 + report.requests);
    const chosen = seeds[Math.floor(random() * seeds.length)]!;
    const bytes = mutated(chosen, random);
    const wire = wires.get(chosen.url) ?? new Wire(chosen.url, patience);
    wires.set(chosen.url, wire);
    const status = await wire.send(bytes);
    report.statuses[status] = (report.statuses[status] ?? 0) + 1;
    if (typeof status === 'number' && status >= 500) {
      report.failures.push(`${status}: ${target.withoutSecrets(bytes.toString('latin1')).slice(0, 1000)}`);
    }
  }
  for (const wire of wires.values()) wire.close();
}

/** Looks at memory while the work is under way. */
async function look(report: FuzzReport, until: number): Promise<void> {
  while (report.requests < until) {
    // Whether a service still answers is judged elsewhere.
    for (const service of report.memory) await service.look().catch(() => undefined);
    await sleep(500);
  }
}
