/**
 * Compares Lanyard with a floor, which does only what any token endpoint must do, and with a peer. Each line of the
 * budget is a ratio of measurements of this run, never a time. `npm run bench`, Linux with two cores.
 */
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@lanyard/embedded-postgres';
import { freePort, startSystem } from '@lanyard/local-system';
import { Command } from 'commander';
import ora from 'ora';
import { quick, thorough, type Effort } from './effort.ts';
import { conditions, memoryOf, requireCores } from './machine.ts';
import { measureClients } from './measurements/clients.ts';
import { measureCryptography } from './measurements/cryptography.ts';
import { measureMemoryAtRest } from './measurements/memory.ts';
import { measureProtectedRoute } from './measurements/protected-route.ts';
import { measureStatements } from './measurements/statements.ts';
import { measureStorm } from './measurements/storm.ts';
import { measureTokenEndpoint } from './measurements/token-endpoint.ts';
import { chartOf } from './report/chart.ts';
import { printBudget, printLine, printTable } from './report/print.ts';
import { digits, type Findings } from './report/report.ts';
import { repository, startAuthServer, startSubject } from './servers.ts';
import { cleanUp, directory, running, signal, started, stopAll } from './started.ts';

const program = new Command('npm run bench --')
  .description('Compares Lanyard with a floor and a peer. Exits with 1 if a line of the budget does not hold.')
  .option('--quick', 'rough figures in less than a minute')
  .option('--json <file>', 'write the figures of all rounds')
  .option('--chart <file>', 'write a chart, SVG')
  .parse();
const options = program.opts<{ quick?: true; json?: string; chart?: string }>();
const effort = options.quick ? quick : thorough;

requireCores();
const spinner = ora({ isEnabled: process.stderr.isTTY, isSilent: !process.stderr.isTTY }).start();
const progress = (text: string) => void (spinner.text = text);
const found: Findings[] = [];
const take = (findings: Findings) => {
  found.push(findings);
  spinner.stop();
  for (const table of findings.tables) printTable(table);
  spinner.start();
};

/** The authorization server without the other services, and its peers. */
async function measureIssuing(): Promise<void> {
  progress('starting Postgres, authorization servers, floor and peer');
  const postgres = await started(
    startEmbeddedPostgres({ directory: join(directory, 'postgres'), endsWithProcess: true }),
  );
  const [few, ...more] = effort.registered;
  const authServer = await running(startAuthServer(directory, postgres.url, few));
  const [floor, floorInTurns, peer, ...larger] = await Promise.all([
    running(startSubject('floor')),
    options.quick ? undefined : running(startSubject('floor', { IN_TURNS: 'yes' })),
    running(startSubject('oidc-provider')),
    ...more.map((clients) => running(startAuthServer(directory, postgres.url, clients))),
  ]);
  const firstToken = Math.round(authServer.firstToken);
  take(await measureTokenEndpoint({ authServer, floor, floorInTurns, peer }, effort, progress));
  if (!options.quick) take(await measureClients([authServer, ...larger], effort, progress));
  if (!options.quick) take(await measureStatements(authServer, 5, progress));
  const underLoad = memoryOf(authServer.pid);
  take({
    tables: [
      {
        title: 'The authorization server',
        rows: [
          { what: 'from its start to the first token', value: `${digits(firstToken)} ms` },
          { what: 'memory after the load', value: `${digits(underLoad)} MB` },
        ],
      },
    ],
    budget: [],
    figures: { 'first token, ms': firstToken, 'memory after load, MB': underLoad },
  });
  await stopAll();
}

/** Only one authorization server: a second, idle one would disturb it when it collects garbage. */
async function measureFairness(storm: NonNullable<Effort['storm']>): Promise<void> {
  progress('starting Postgres and an authorization server');
  const folder = join(directory, 'storm');
  mkdirSync(folder);
  const postgres = await started(startEmbeddedPostgres({ directory: join(folder, 'postgres'), endsWithProcess: true }));
  const authServer = await running(startAuthServer(folder, postgres.url, effort.registered[0]));
  take(await measureStorm(authServer, storm, effort.warmUp, progress));
  await stopAll();
}

/** The whole system, as `npm start` runs it. */
async function measureSystem(): Promise<void> {
  progress('starting the system');
  const ports = { authServer: await freePort(), batchProcessor: await freePort(), jobsApi: await freePort() };
  const output = openSync(join(directory, 'system.log'), 'a');
  const environment = { NODE_ENV: 'production', REQUESTS_PER_MINUTE: '10000000' };
  const system = await started(
    startSystem({ directory: join(directory, 'system'), ports, environment, output, signal, endsWithProcess: true }),
  );
  const empty = await running(startSubject('empty-application'));
  const collected = await running(startSubject('empty-application', { COLLECT: 'yes' }));
  const services = Object.values(system.services).map(({ options: { name }, pid }) => ({ name, pid: pid! }));
  take(await measureMemoryAtRest(services, { empty, collected }, effort.restSeconds, progress));

  const jobsApi = async (protection: string) => {
    const port = await freePort();
    const service = await system.replica('jobs-api', port, { PROTECTION: protection });
    service.options.command = [join(repository, 'bench/dist/subjects/jobs-api.js')];
    service.start();
    await started(service);
    await service.ready();
    return { name: protection, url: `http://localhost:${port}`, pid: service.pid! };
  };
  const [lanyard, unprotected, plain] = await Promise.all([jobsApi('lanyard'), jobsApi('none'), jobsApi('plain')]);
  const token = await system.accessToken('batch-processor');
  take(await measureProtectedRoute({ lanyard, unprotected, plain }, token, effort, progress));
  await stopAll();
}

try {
  await measureIssuing();
  if (effort.storm) await measureFairness(effort.storm);
  await measureSystem();
  if (!options.quick) take(await measureCryptography(effort, progress));
  spinner.stop();
  const budget = found.flatMap((findings) => findings.budget);
  printBudget(budget);
  printLine(`${conditions()}${options.quick ? '; --quick: rough figures' : ''}`);
  const bars = found.flatMap((findings) => findings.bars ?? []);
  if (options.chart) writeFileSync(options.chart, chartOf(bars, conditions()));
  if (options.json) {
    const figures = Object.assign({}, ...found.map((findings) => findings.figures)) as object;
    const report = { conditions: conditions(), quick: options.quick ?? false, budget, figures };
    writeFileSync(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  process.exitCode = budget.every(({ holds }) => holds) ? 0 : 1;
} finally {
  spinner.stop();
  await cleanUp();
}
