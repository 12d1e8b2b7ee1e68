import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pc from 'picocolors';
import { type Line, portTaken, requireNoLauncher, Service, startSystem, type System } from '@lanyard/local-system';
import { passedOn } from './passed-on.ts';
import { trace } from './trace.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const print = (text = '') => void process.stdout.write(`${text}\n`);

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface Options {
  dev: boolean;
  environment: NodeJS.ProcessEnv;
}

/**
 * `npm start`: starts everything on this machine, then submits the example files as jobs and shows each request live.
 * Runs until Ctrl-C.
 */
export async function startLanyard({ dev, environment }: Options): Promise<void> {
  const begun = performance.now();
  // The reader of the output may have exited, as in `npm start | head`: the services must still stop properly.
  process.stdout.on('error', () => undefined);
  const step = (text: string) => print(`  ${pc.green('✓')} ${text}`);
  print(`${pc.bold('Lanyard')}  machine-to-machine authorization`);
  const starting = new AbortController();
  const interrupt = () => starting.abort();
  // Not `once`: npm forwards a Ctrl-C that the terminal has already sent.
  for (const signal of stopSignals) process.on(signal, interrupt);
  let system: System | undefined;
  try {
    const directory = environment.LANYARD_DIRECTORY || join(repository, '.lanyard');
    const { ports, managementPorts } = await freePorts(environment).catch(async (error: unknown) => {
      // If a system already runs in this folder, report that rather than the taken ports.
      await requireNoLauncher(directory);
      throw error;
    });
    if (!dev) build();
    system = await startSystem({
      directory,
      ports,
      managementPorts,
      dev,
      environment: Object.fromEntries(passedOn.map((name) => [name, environment[name] || undefined])),
      onLine: printLine,
      onStep: step,
      signal: starting.signal,
    });
    starting.signal.throwIfAborted();
  } catch (error) {
    if (starting.signal.aborted) {
      await system?.stop();
      print('stopped');
      process.exit(0);
    }
    fail(error);
  }
  const { urls, services } = system;
  stopOnSignal(system);
  step(`auth-server      ${urls.issuer}  (its administration: ${urls.issuer}/docs)`);
  step(`jobs-api         ${urls.jobsApi}  (its API: ${urls.jobsApi}/docs)`);
  step(`batch-processor  ${urls.batchProcessor}`);
  for (const service of Object.values(services)) {
    service.onUnexpectedEnd = (reason) => {
      print(pc.red(reason));
      if (!dev) void end(system, 1);
    };
  }
  if (dev) return print('\nEdit a file and its service restarts. Ctrl-C stops everything.');
  await submitExamples(system, begun);
}

async function submitExamples(system: System, begun: number): Promise<void> {
  const files = globSync('examples/data/*.csv', { cwd: repository }).toSorted();
  print(`\n${pc.bold('The command line submits files as jobs. Watch each request between the services.')}\n`);
  const cli = new Service({
    name: 'jobs-cli',
    command: [join(repository, 'tools/run.mjs'), 'apps/jobs-cli/src/main.ts', 'submit', '--once', ...files],
    environment: {
      ISSUER: system.urls.issuer,
      JOBS_API_URL: system.urls.jobsApi,
      BATCH_PROCESSOR_URL: system.urls.batchProcessor,
      SECRETS_DIRECTORY: system.secretsDirectory,
    },
    directory: repository,
    onLine: ({ text }) => results.push(text),
  });
  const results: string[] = [];
  cli.start();
  try {
    await cli.finished();
    print(`\n${results.filter((line) => !/^[-✔✖] (uploading|\d+ of \d+ jobs done)/.test(line)).join('\n')}`);
    print(
      `\n${pc.green('Ready')} after ${((performance.now() - begun) / 1000).toFixed(1)} s. Ctrl-C stops everything; the data stays.\n`,
    );
    print(hints(system));
  } catch (error) {
    print(pc.red(`the example jobs did not succeed: ${(error as Error).message}`));
  }
}

const hints = ({ urls, secretsDirectory }: System) => {
  const isDefault = secretsDirectory === join(repository, '.lanyard/secrets');
  const secrets = isDefault ? '.lanyard/secrets' : '$SECRETS_DIRECTORY';
  return `${pc.bold('Try it')}, in another terminal, in this folder:
${isDefault ? '' : `  export SECRETS_DIRECTORY='${secretsDirectory}'\n`}  npx lanyard token get --client-id batch-processor
  curl -s -u "batch-processor:$(cat "${secrets}/batch-processor/client_secret")" -d grant_type=client_credentials ${urls.issuer}/oauth/token
  npm run jobs -- list
  npm run jobs -- report columns
  npx lanyard doctor
`;
};

function printLine(line: Line): void {
  const text = trace(line);
  if (text !== undefined) print(text);
}

/** Compiles the changed projects; returns at once if nothing changed. */
function build(): void {
  const { status } = spawnSync(
    process.execPath,
    [join(repository, 'node_modules/typescript/bin/tsc'), '-b', repository],
    {
      stdio: 'inherit',
    },
  );
  if (status !== 0) throw new Error('the build failed');
}

/** A management port is the public port plus 100, unless it is set. */
async function freePorts(environment: NodeJS.ProcessEnv) {
  const problems: string[] = [];
  const chosen = new Map<number, string>();
  const portOf = async (name: string, fallback: number): Promise<number> => {
    const port = Number(environment[name] || fallback);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) problems.push(`${name} must be a port`);
    else if (chosen.has(port)) problems.push(`${name} is ${port}, the same as ${chosen.get(port)}: set another one`);
    else if (await portTaken(port))
      problems.push(`port ${port} is already in use: stop the program that uses it, or set ${name}`);
    chosen.set(port, name);
    return port;
  };
  const ports = {
    authServer: await portOf('AUTH_SERVER_PORT', 3000),
    batchProcessor: await portOf('BATCH_PROCESSOR_PORT', 3001),
    jobsApi: await portOf('JOBS_API_PORT', 3002),
  };
  const managementPorts = {
    authServer: await portOf('AUTH_SERVER_MANAGEMENT_PORT', ports.authServer + 100),
    batchProcessor: await portOf('BATCH_PROCESSOR_MANAGEMENT_PORT', ports.batchProcessor + 100),
    jobsApi: await portOf('JOBS_API_MANAGEMENT_PORT', ports.jobsApi + 100),
  };
  if (problems.length > 0) throw new Error(problems.join('\n'));
  return { ports, managementPorts };
}

function stopOnSignal(system: System): void {
  for (const signal of stopSignals) {
    process.on(signal, () => {
      if (!ending) print('\nstopping: the services finish or hand back their jobs');
      void end(system, 128 + constants.signals[signal]);
    });
  }
}

let ending = false;
async function end(system: System, code: number): Promise<void> {
  if (ending) return;
  ending = true;
  for (const service of Object.values(system.services)) service.onUnexpectedEnd = undefined;
  await system.stop();
  print('stopped');
  process.exit(code === 130 ? 0 : code);
}

function fail(error: unknown): never {
  const { code, path, message } = error as NodeJS.ErrnoException;
  const unwritable = ['EACCES', 'EPERM', 'EROFS'].includes(code ?? '');
  for (const line of (unwritable ? `${path} cannot be written by this user` : message).split('\n')) {
    process.stderr.write(`${pc.red('Lanyard cannot start:')} ${line}\n`);
  }
  process.exit(1);
}
