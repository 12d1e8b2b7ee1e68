import { insist } from '../attack.ts';
import { call, insistOnHealth } from '../http.ts';
import type { Target } from '../target.ts';
import { mutated, randomNumbers } from './mutate.ts';
import { seedsOf, type Seed } from './seeds.ts';
import { Wire } from './wire.ts';

/** How many connections there are to each service. */
const connections = 8;

export interface FuzzReport {
  requests: number;
  seconds: number;
  /** how often each status was answered */
  statuses: Record<string, number>;
  endpoints: number;
  /** requests that were answered with a 5xx, as they were sent */
  failures: string[];
  /** resident memory of each service after each tenth, MB */
  memory: Record<string, number[]>;
}

/**
 * Sends requests with something wrong to every endpoint, the same ones for the same seed.
 * @param told  after each tenth
 */
export async function fuzz(
  target: Target,
  { requests, seed, told }: { requests: number; seed: number; told: (report: FuzzReport) => void },
): Promise<FuzzReport> {
  const random = randomNumbers(seed);
  const services = [target.issuer, target.jobsApi, target.batchProcessor];
  const begun = performance.now();
  const report: FuzzReport = {
    requests: 0,
    seconds: 0,
    statuses: {},
    endpoints: 0,
    failures: [],
    memory: Object.fromEntries(services.map((url) => [url, []])),
  };
  for (let tenth = 0; tenth < 10; tenth++) {
    // Tokens end.
    const seeds = await seedsOf(target);
    report.endpoints = new Set(seeds.map(({ url, method, path }) => `${method} ${url}${path}`)).size;
    const until = Math.round((requests * (tenth + 1)) / 10);
    await Promise.all(
      services.flatMap((url) => {
        const own = seeds.filter((each) => each.url === url);
        return Array.from({ length: connections }, () => work(url, own, random, report, until));
      }),
    );
    for (const url of services) {
      await insistOnHealth(url);
      report.memory[url]!.push(await residentMemory(url));
    }
    report.seconds = (performance.now() - begun) / 1000;
    told(report);
  }
  return report;
}

async function work(
  url: string,
  seeds: Seed[],
  random: () => number,
  report: FuzzReport,
  until: number,
): Promise<void> {
  const wire = new Wire(new URL(url));
  while (report.requests < until) {
    report.requests += 1;
    const bytes = mutated(seeds[Math.floor(random() * seeds.length)]!, random);
    const status = await wire.send(bytes);
    report.statuses[status] = (report.statuses[status] ?? 0) + 1;
    if (typeof status === 'number' && status >= 500) report.failures.push(`${status}: ${withoutSecrets(bytes)}`);
  }
  wire.close();
}

const withoutSecrets = (bytes: Buffer) =>
  bytes
    .toString('latin1')
    .replaceAll(/^(authorization: *\w* ?).*$/gim, '$1…')
    .replaceAll(/(client_secret=)[^&]*/g, '$1…')
    .slice(0, 1000);

async function residentMemory(url: string): Promise<number> {
  const { text } = await call(`${url}/metrics`);
  const bytes = /^process_resident_memory_bytes(?:\{[^}]*\})? (\d+(?:\.\d+)?(?:e\+\d+)?)/m.exec(text)?.[1];
  insist(bytes !== undefined, `${url} does not tell its memory`);
  return Math.round(Number(bytes) / 1e6);
}
