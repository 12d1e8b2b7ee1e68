import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { access, constants, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDatabase, freePort, startEmbeddedPostgres, type EmbeddedPostgres } from '@lanyard/embedded-postgres';
import { makeFolder } from '@lanyard/administration';
import { basicCredentials } from '@lanyard/oauth-protocol';
import { recordSecrets } from './record.ts';
import { Service, type Line } from './service.ts';

export interface Ports {
  authServer: number;
  batchProcessor: number;
  jobsApi: number;
}

export interface SystemOptions {
  /** where data, keys and secrets are kept */
  directory: string;
  ports: Ports;
  /** of health and metrics; any free ones by default */
  managementPorts?: Ports;
  /** from the sources, restarted on each edit */
  dev?: boolean;
  /** what differs from the defaults, for every service */
  environment?: NodeJS.ProcessEnv;
  onLine?: (line: Line) => void;
  /** the file descriptor that takes what services print to standard output */
  output?: number;
  onStep?: (step: string) => void;
  /** whether Postgres ends with this process, however that ends; else the next start finds it running */
  endsWithProcess?: boolean;
  /** breaks the start off, and stops what runs so far */
  signal?: AbortSignal;
}

/** The whole product on one machine: Postgres, its databases, and the three services as processes of their own. */
export interface System {
  urls: { issuer: string; batchProcessor: string; jobsApi: string };
  postgres: EmbeddedPostgres;
  databases: { auth: string; jobs: string };
  services: { authServer: Service; batchProcessor: Service; jobsApi: Service };
  secretsDirectory: string;
  secretOf(clientId: string): Promise<string>;
  /** an access token with the default scope of a client */
  accessToken(clientId: string): Promise<string>;
  /** one more process of a service, on another port; the caller starts it */
  replica(name: ServiceName, port: number, environment?: NodeJS.ProcessEnv): Promise<Service>;
  stop(): Promise<void>;
}

type ServiceUrls = Pick<Service['options'], 'url' | 'managementUrl'>;
type ServiceName = 'auth-server' | 'batch-processor' | 'jobs-api';

const repository = fileURLToPath(new URL('../../..', import.meta.url));

export async function startSystem(options: SystemOptions): Promise<System> {
  const { directory, ports, dev = false, environment, onLine, output, onStep = () => undefined, signal } = options;
  const { endsWithProcess = false } = options;
  await own(directory);
  const managementPorts = options.managementPorts ?? {
    authServer: await freePort(),
    batchProcessor: await freePort(),
    jobsApi: await freePort(),
  };
  const secretsDirectory = join(directory, 'secrets');
  const urls = {
    issuer: `http://localhost:${ports.authServer}`,
    batchProcessor: `http://localhost:${ports.batchProcessor}`,
    jobsApi: `http://localhost:${ports.jobsApi}`,
  };

  const postgres = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), endsWithProcess });
  onStep(`Postgres on port ${postgres.port}${postgres.reused ? ', found running' : ''}, data in ${postgres.directory}`);
  const running: Service[] = [];
  const recordKeys = () => {
    if (process.env.E2E_RECORD) recordSecrets(secretFiles(directory).map((file) => readFileSync(file, 'utf8')));
  };
  const stop = async () => {
    recordKeys();
    for (const service of running.toReversed()) await service.stop();
    await postgres.stop();
  };

  const startServices = async (): Promise<System> => {
    const auth = await createDatabase(postgres.url, 'lanyard_auth');
    const jobs = await createDatabase(postgres.url, 'lanyard_jobs');
    recordSecrets([postgres.url, auth.url, auth.ownerUrl, jobs.url, jobs.ownerUrl]);
    const common = {
      ISSUER: urls.issuer,
      NODE_OPTIONS: process.env.NODE_OPTIONS,
      SHUTDOWN_TIMEOUT: '4',
      API_DOCS: 'true',
      ...environment,
    };
    const perService: Record<ServiceName, NodeJS.ProcessEnv> = {
      'auth-server': {
        DATABASE_URL: auth.url,
        MIGRATION_DATABASE_URL: auth.ownerUrl,
        KEY_ENCRYPTION_KEY_FILE: await keyEncryptionKey(directory),
        PROVISIONING_FILE: join(repository, 'config/lanyard.yaml'),
        SECRETS_DIRECTORY: secretsDirectory,
        JOBS_API_URL: urls.jobsApi,
        BATCH_PROCESSOR_URL: urls.batchProcessor,
      },
      'jobs-api': {
        DATABASE_URL: jobs.url,
        MIGRATION_DATABASE_URL: jobs.ownerUrl,
        RESOURCE: urls.jobsApi,
        CLIENT_SECRET_FILE: join(secretsDirectory, 'jobs-api', 'client_secret'),
      },
      'batch-processor': {
        RESOURCE: urls.batchProcessor,
        JOBS_API_URL: urls.jobsApi,
        CLIENT_SECRET_FILE: join(secretsDirectory, 'batch-processor', 'client_secret'),
      },
    };
    const program = (name: ServiceName, file: string, more: NodeJS.ProcessEnv, urls: ServiceUrls = {}) =>
      new Service({
        name: file === 'migrate' ? `${name} migration` : name,
        command: programOf(name, file, dev && file === 'main'),
        environment: { ...common, ...perService[name], ...more },
        directory: repository,
        ...urls,
        onLine,
        output,
      });
    const service = (name: ServiceName, port: number, managementPort: number, more: NodeJS.ProcessEnv = {}) =>
      program(
        name,
        'main',
        { PORT: String(port), MANAGEMENT_PORT: String(managementPort), ...more },
        { url: `http://localhost:${port}`, managementUrl: `http://127.0.0.1:${managementPort}` },
      );
    const replica = async (name: ServiceName, port: number, more?: NodeJS.ProcessEnv) =>
      service(name, port, await freePort(), more);

    for (const name of ['auth-server', 'jobs-api'] as const) {
      const migration = program(name, 'migrate', {});
      running.push(migration);
      signal?.throwIfAborted();
      migration.start();
      await migration.finished();
    }
    onStep('schemas, clients and signing key are up to date');
    recordKeys();

    const services = {
      authServer: service('auth-server', ports.authServer, managementPorts.authServer),
      jobsApi: service('jobs-api', ports.jobsApi, managementPorts.jobsApi),
      batchProcessor: service('batch-processor', ports.batchProcessor, managementPorts.batchProcessor),
    };
    // Each finds those that it needs, and has nothing to warn of.
    for (const service of [services.authServer, services.jobsApi, services.batchProcessor]) {
      signal?.throwIfAborted();
      running.push(service);
      service.start();
      await service.ready();
    }
    const secretOf = (clientId: string) => readFile(join(secretsDirectory, clientId, 'client_secret'), 'utf8');
    const accessToken = async (clientId: string) => {
      const response = await fetch(`${urls.issuer}/oauth/token`, {
        method: 'POST',
        headers: { authorization: basicCredentials(clientId, await secretOf(clientId)) },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      });
      return ((await response.json()) as { access_token: string }).access_token;
    };
    return {
      urls,
      postgres,
      databases: { auth: auth.ownerUrl, jobs: jobs.ownerUrl },
      services,
      secretsDirectory,
      secretOf,
      accessToken,
      replica,
      stop,
    };
  };

  const interrupted = Promise.withResolvers<never>();
  signal?.addEventListener('abort', () => interrupted.reject(signal.reason));
  try {
    signal?.throwIfAborted();
    return await Promise.race([startServices(), interrupted.promise]);
  } catch (error) {
    await stop();
    throw error;
  }
}

function programOf(name: ServiceName, file: string, dev: boolean): string[] {
  if (!dev) return [join(repository, 'apps', name, 'dist', `${file}.js`)];
  const hooks = join(repository, 'tools', 'hooks.mjs');
  return ['--watch', '--watch-preserve-output', '--import', hooks, join(repository, 'apps', name, 'src', `${file}.ts`)];
}

/** One launcher for each folder, since a second one would change the passwords of the first one's databases. */
async function own(directory: string): Promise<void> {
  try {
    makeFolder(directory, 0o711);
    if (!(await stat(directory)).isDirectory()) throw Object.assign(new Error('no folder'), { code: 'ENOTDIR' });
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`LANYARD_DIRECTORY cannot be used (${code}): ${directory}`, { cause: error });
  }
  await requireNoLauncher(directory);
  await writeFile(pidFileIn(directory), String(process.pid));
}

const pidFileIn = (directory: string) => join(directory, 'launcher-pid');

/** @throws where another process runs Lanyard in this folder */
export async function requireNoLauncher(directory: string): Promise<void> {
  const pid = await readFile(pidFileIn(directory), 'utf8').catch(() => '');
  if (pid !== '' && pid !== String(process.pid) && isLauncher(Number(pid))) {
    throw new Error(`${directory} is in use by process ${pid}: stop that first, or set LANYARD_DIRECTORY`);
  }
}

/** Another program may have the number of one that ended. */
function isLauncher(pid: number): boolean {
  return commandOf(pid).replaceAll('\\', '/').includes('apps/launcher/src/main.ts');
}

/** Empty where there is no such process. Slim containers have no `ps`. */
function commandOf(pid: number): string {
  if (process.platform === 'linux') return readIfThere(`/proc/${pid}/cmdline`);
  const [program, args] =
    process.platform === 'win32'
      ? [
          'powershell',
          ['-NoProfile', '-Command', `(Get-CimInstance Win32_Process -Filter ProcessId=${pid}).CommandLine`],
        ]
      : ['ps', ['-ww', '-o', 'args=', '-p', String(pid)]];
  return spawnSync(program, args, { encoding: 'utf8' }).stdout ?? '';
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

const secretFiles = (directory: string): string[] =>
  globSync(['key-encryption-key', 'secrets/*/client_secret'], { cwd: directory }).map((file) => join(directory, file));

/** Made at the first start; beside the data, but not in the database. */
async function keyEncryptionKey(directory: string): Promise<string> {
  const file = join(directory, 'key-encryption-key');
  await writeFile(file, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' }).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return file;
}
