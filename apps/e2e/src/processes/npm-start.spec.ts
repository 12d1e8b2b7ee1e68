import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort, portTaken, recordOutput } from '@lanyard/local-system';
import { temporaryDirectory } from '../temporary-directory.ts';

/** The number of services in the system that the other tests share. */
const sharedServices = 3;
const repository = fileURLToPath(new URL('../../../..', import.meta.url));
const run = promisify(execFile);
let directory: string;
let environment: NodeJS.ProcessEnv;
const ports: number[] = [];
const started: ChildProcess[] = [];

beforeAll(async () => {
  directory = await temporaryDirectory();
  for (let i = 0; i < 6; i++) ports.push(await freePort());
  const [authServer, batchProcessor, jobsApi, ...management] = ports.map(String);
  environment = {
    ...process.env,
    NODE_OPTIONS: undefined,
    FORCE_COLOR: undefined,
    NO_COLOR: '1',
    LANYARD_DIRECTORY: directory,
    AUTH_SERVER_PORT: authServer,
    BATCH_PROCESSOR_PORT: batchProcessor,
    JOBS_API_PORT: jobsApi,
    AUTH_SERVER_MANAGEMENT_PORT: management[0],
    BATCH_PROCESSOR_MANAGEMENT_PORT: management[1],
    JOBS_API_MANAGEMENT_PORT: management[2],
  };
});
afterAll(async () => {
  for (const child of started.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
    signal(child, 'SIGTERM');
    await once(child, 'exit');
  }
  await rm(directory, { recursive: true, force: true });
});

/** Runs `npm start` as a user does, and waits until the example jobs are done. */
async function start(): Promise<{ child: ChildProcess; output: () => string }> {
  let output = '';
  const child = spawn('npm', ['start'], {
    cwd: repository,
    env: environment,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ready = Promise.withResolvers<void>();
  started.push(child);
  const take = (chunk: Buffer) => {
    output += chunk;
    recordOutput('npm start', String(chunk));
    if (output.includes('Try it')) ready.resolve();
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  child.once('exit', () => ready.reject(new Error(output)));
  await ready.promise;
  return { child, output: () => output };
}

const jobs = async (...args: string[]) =>
  JSON.parse(
    (await run('npm', ['run', '--silent', 'jobs', '--', ...args, '--json'], { cwd: repository, env: environment }))
      .stdout,
  );
const text = async (...args: string[]) =>
  (await run('npm', ['run', '--silent', 'jobs', '--', ...args], { cwd: repository, env: environment })).stdout;
const lanyard = async (...args: string[]) =>
  (await run('npx', ['--no-install', 'lanyard', ...args], { cwd: repository, env: environment })).stdout;
/** Signals the process group: npm, the launcher, and all processes that they started in it. */
const signal = (child: ChildProcess, name: NodeJS.Signals) => process.kill(-child.pid!, name);
const isAnyPortTaken = async () => (await Promise.all(ports.map(portTaken))).includes(true);

describe('npm start', () => {
  it('runs all example jobs, shows each step, stops on Ctrl-C, and keeps its data', async () => {
    const first = await start();
    expect(first.output()).toMatch(/auth-server\s+issues an access token to batch-processor: jobs:read jobs:write/);
    expect(first.output()).toMatch(/jobs-api\s+POST \/jobs\/claim {2}token of batch-processor is valid/);
    expect(first.output()).toMatch(/3 of 3 jobs succeeded/);
    // A healthy start logs no warning.
    expect(first.output()).not.toMatch(/ECONNREFUSED|a problem with|failed|waits for/);
    const done = await jobs('list');
    expect(done.map(({ status }: { status: string }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);

    // Uses the addresses that the deployment has recorded.
    expect(await lanyard('apply', 'config/lanyard.yaml', '--dry-run')).toContain('nothing to change');

    signal(first.child, 'SIGINT');
    await once(first.child, 'exit');
    expect(first.output()).not.toContain('stopped before all work had ended');
    expect(await isAnyPortTaken()).toBe(false);
    expect((await run('pgrep', ['-fc', directory]).catch(({ stdout }) => ({ stdout }))).stdout.trim()).toBe('0');

    const second = await start();
    expect(await jobs('list')).toHaveLength(3);
    expect(await jobs('report', 'columns')).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ file: 'seattle-weather.csv', column: 'temp_max', type: 'number' }),
      ]),
    );

    // Kill the launcher and everything that it started, as a power cut would.
    const processes = await descendants(second.child.pid!);
    for (const pid of processes) kill(pid);
    await once(second.child, 'exit');

    const third = await start();
    expect(await jobs('list')).toHaveLength(3);

    // Kill only the launcher: its services notice, and the next start finds Postgres running.
    signal(third.child, 'SIGKILL');
    await once(third.child, 'exit');
    for (let i = 0; i < 300 && (await isAnyPortTaken()); i++) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await isAnyPortTaken()).toBe(false);
    await untilServicesEnd(/apps\/[a-z-]+\/dist\/main\.js/);
    const fourth = await start();
    expect(fourth.output()).toContain('found running');
    signal(fourth.child, 'SIGINT');
    await once(fourth.child, 'exit');
  }, 180_000);

  it('stops on Ctrl-C during startup, and leaves nothing behind', async () => {
    const child = spawn('npm', ['start'], {
      cwd: repository,
      env: environment,
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    started.push(child);
    for await (const chunk of child.stdout) if (String(chunk).includes('up to date')) break;
    signal(child, 'SIGINT');
    await once(child, 'exit');
    await untilServicesEnd(/apps\/[a-z-]+\/dist\/main\.js/);
    expect((await run('pgrep', ['-fc', directory]).catch(({ stdout }) => ({ stdout }))).stdout.trim()).toBe('0');
  }, 60_000);

  it('refuses to run twice in one folder', async () => {
    const first = await start();
    const others = {
      AUTH_SERVER_PORT: await freePort(),
      BATCH_PROCESSOR_PORT: await freePort(),
      JOBS_API_PORT: await freePort(),
      AUTH_SERVER_MANAGEMENT_PORT: await freePort(),
      BATCH_PROCESSOR_MANAGEMENT_PORT: await freePort(),
      JOBS_API_MANAGEMENT_PORT: await freePort(),
    };
    const onOthers = Object.fromEntries(Object.entries(others).map(([name, port]) => [name, String(port)]));
    for (const settings of [onOthers, {}]) {
      const second = run('npm', ['start'], { cwd: repository, env: { ...environment, ...settings } });
      await expect(second).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^Lanyard cannot start: .* is in use by process \d+: stop that first.*\n$/),
      });
    }
    expect(await jobs('list', '--limit', '1')).toHaveLength(1);
    expect(await text('list', '--limit', '1')).toContain('the first 1; for more: --limit <number>');
    const file = join(directory, 'many.csv');
    await writeFile(file, `id\u001B[2J\n${Array.from({ length: 10_001 }, (_, i) => i).join('\n')}\n`);
    const [{ id }] = await jobs('submit', file);
    for (const shown of [await text('show', id), await text('report', 'columns')]) {
      expect(shown).toMatch(/id\\u001b\[2J .* over 10000 .* 10000 /);
    }
    signal(first.child, 'SIGINT');
    await once(first.child, 'exit');
  }, 60_000);

  it('says in one line that a port is taken', async () => {
    const taken = spawn(process.execPath, [
      '-e',
      `require('node:net').createServer().listen(${ports[0]}, '127.0.0.1', () => console.log('on'))`,
    ]);
    await once(taken.stdout, 'data');
    await expect(run('npm', ['start'], { cwd: repository, env: environment })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        new RegExp(
          `^Lanyard cannot start: port ${ports[0]} is already in use: stop the program that uses it, or set AUTH_SERVER_PORT$`,
          'm',
        ),
      ),
    });
    taken.kill();
  });

  it.each([
    ['/etc/passwd', 'ENOTDIR'],
    ['/proc/nope', 'ENOENT|EACCES'],
  ])('says in one line that it cannot use the folder %s', async (LANYARD_DIRECTORY, code) => {
    const start = run('npm', ['start'], {
      cwd: repository,
      env: { ...environment, LANYARD_DIRECTORY },
      timeout: 60_000,
    });
    await expect(start).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        new RegExp(
          `^Lanyard cannot start: LANYARD_DIRECTORY cannot be used \\((${code})\\): ${LANYARD_DIRECTORY}$`,
          'm',
        ),
      ),
    });
  });

  it('refuses an unknown option, and shows help', async () => {
    const start = (...args: string[]) => run('npm', ['start', '--', ...args], { cwd: repository, env: environment });
    await expect(start('--bogus')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Unknown option '--bogus'"),
    });
    expect((await start('--help')).stdout).toContain('AUTH_SERVER_PORT');
  });

  it('says in one line that a setting is wrong', async () => {
    const start = run('npm', ['start'], { cwd: repository, env: { ...environment, LOG_LEVEL: 'loud' } });
    await expect(start).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Lanyard cannot start: [a-z-]+ cannot start: LOG_LEVEL: Invalid option: /m),
    });
  });

  it('says in one line that two ports are the same', async () => {
    const env = { ...environment, JOBS_API_PORT: String(ports[0]) };
    await expect(run('npm', ['start'], { cwd: repository, env })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        new RegExp(
          `^Lanyard cannot start: JOBS_API_PORT is ${ports[0]}, the same as AUTH_SERVER_PORT: set another one$`,
          'm',
        ),
      ),
    });
  });
});

/** Kills a process, unless it has already ended because others did. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Waits until the services have ended, which they do a moment after they close their ports. */
async function untilServicesEnd(command: RegExp): Promise<void> {
  for (let i = 0; i < 300; i++) {
    const { stdout } = await run('ps', ['-eo', 'args=']);
    const left = stdout.split('\n').filter((line) => command.test(line) && line.includes(repository));
    // The system that the other tests share keeps running.
    if (left.length === sharedServices) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('services outlive their launcher');
}

/** This process and all its descendants, including services in their own process groups, and Postgres. */
async function descendants(pid: number): Promise<number[]> {
  const { stdout } = await run('ps', ['-eo', 'pid=,ppid=,args=']);
  const processes = stdout
    .trim()
    .split('\n')
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line)!.slice(1) as [string, string, string]);
  const postgres = processes
    .filter(([, , command]) => command.includes(join(directory, 'postgres', 'data')))
    .map(([id]) => Number(id));
  const below = (parent: number): number[] =>
    processes.filter(([, ppid]) => Number(ppid) === parent).flatMap(([id]) => [Number(id), ...below(Number(id))]);
  return [...new Set([pid, ...below(pid), ...postgres.flatMap((id) => [id, ...below(id)])])];
}
