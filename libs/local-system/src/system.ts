import { randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createDatabase, freePort, startEmbeddedPostgres, type EmbeddedPostgres } from '@lanyard/embedded-postgres';
import { basicCredentials } from '@lanyard/oauth-protocol';
import type { ServiceName } from './inspect.ts';
import { claimFolder } from './own-folder.ts';
import { programsOf, type Program } from './programs.ts';
import { recordSecrets } from './record.ts';
import { Service, type Line } from './service.ts';

export interface Ports {
  authServer: number;
  batchProcessor: number;
  jobsApi: number;
}

export interface SystemOptions {
  /** the folder for data, keys and secrets */
  directory: string;
  ports: Ports;
  /** the issuer, if a proxy is in front of the authorization server; default: its own address */
  issuer?: string;
  /** the ports of health and metrics; by default any free ones */
  managementPorts?: Ports;
  /** whether to run from the sources, and restart on each edit */
  dev?: boolean;
  /** what differs from the defaults, for every service */
  environment?: NodeJS.ProcessEnv;
  onLine?: (line: Line) => void;
  /** the file descriptor for the standard output of services */
  output?: number;
  onStep?: (step: string) => void;
  /** whether Postgres stops when this process ends for any reason; otherwise the next start finds it running */
  endsWithProcess?: boolean;
  /** aborts the start, and stops everything that was started */
  signal?: AbortSignal;
}

/** All of Lanyard on one machine: Postgres, its databases, and the three services as processes. */
export interface System {
  urls: { issuer: string; batchProcessor: string; jobsApi: string };
  postgres: EmbeddedPostgres;
  databases: { auth: string; jobs: string };
  services: { authServer: Service; batchProcessor: Service; jobsApi: Service };
  secretsDirectory: string;
  secretOf(clientId: string): Promise<string>;
  /** an access token with the default scope of a client */
  accessToken(clientId: string): Promise<string>;
  /** another process of a service, on another port; the caller starts it */
  replica(name: ServiceName, port: number, environment?: NodeJS.ProcessEnv): Promise<Service>;
  stop(): Promise<void>;
}

const repository = fileURLToPath(new URL('../../..', import.meta.url));

export async function startSystem(options: SystemOptions): Promise<System> {
  const { directory, ports, environment = {}, onStep = () => undefined, signal, endsWithProcess = false } = options;
  await claimFolder(directory);
  const managementPorts = options.managementPorts ?? {
    authServer: await freePort(),
    batchProcessor: await freePort(),
    jobsApi: await freePort(),
  };
  const secretsDirectory = join(directory, 'secrets');
  const urls = {
    issuer: options.issuer ?? `http://localhost:${ports.authServer}`,
    batchProcessor: `http://localhost:${ports.batchProcessor}`,
    jobsApi: `http://localhost:${ports.jobsApi}`,
  };
  const postgres = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), endsWithProcess });
  onStep(`Postgres on port ${postgres.port}${postgres.reused ? ', found running' : ''}, data in ${postgres.directory}`);
  const running: Service[] = [];
  const stop = async () => {
    recordKeys(directory);
    for (const service of running.toReversed()) await service.stop();
    await postgres.stop();
  };

  const start = async (): Promise<System> => {
    const auth = await createDatabase(postgres.url, 'lanyard_auth');
    const jobs = await createDatabase(postgres.url, 'lanyard_jobs');
    recordSecrets([postgres.url, auth.url, auth.ownerUrl, jobs.url, jobs.ownerUrl]);
    const keyEncryptionKeyFile = await keyEncryptionKey(directory);
    const databases = { auth, jobs };
    const programs = programsOf({
      repository,
      urls,
      databases,
      keyEncryptionKeyFile,
      secretsDirectory,
      environment,
    });
    const migrations = programs.filter(isMigration).length;
    const portsOf: Record<ServiceName, [port: number, managementPort: number]> = {
      'auth-server': [ports.authServer, managementPorts.authServer],
      'jobs-api': [ports.jobsApi, managementPorts.jobsApi],
      'batch-processor': [ports.batchProcessor, managementPorts.batchProcessor],
    };
    const started = await startInOrder(programs, signal, (program) => {
      if (running.length === migrations) {
        recordKeys(directory);
        onStep('schemas, clients and signing key are up to date');
      }
      const service = isMigration(program)
        ? migrationOf(program, options)
        : serviceOf(program, portsOf[program.app], options);
      running.push(service);
      return service;
    });
    const secretOf = (clientId: string) => readFile(join(secretsDirectory, clientId, 'client_secret'), 'utf8');
    return {
      urls,
      postgres,
      databases: { auth: auth.ownerUrl, jobs: jobs.ownerUrl },
      services: {
        authServer: started.get('auth-server')!,
        jobsApi: started.get('jobs-api')!,
        batchProcessor: started.get('batch-processor')!,
      },
      secretsDirectory,
      secretOf,
      accessToken: async (clientId) => accessToken(urls.issuer, clientId, await secretOf(clientId)),
      replica: async (name, port, more) => {
        const program = programs.find((one) => one.name === name)!;
        const changed = { ...program, environment: { ...program.environment, ...more } };
        return serviceOf(changed, [port, await freePort()], options);
      },
      stop,
    };
  };

  const interrupted = Promise.withResolvers<never>();
  signal?.addEventListener('abort', () => interrupted.reject(signal.reason));
  try {
    signal?.throwIfAborted();
    return await Promise.race([start(), interrupted.promise]);
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts each program after the programs that it needs have ended or are ready, so that none logs warnings. */
async function startInOrder(
  programs: readonly Program[],
  signal: AbortSignal | undefined,
  processOf: (program: Program) => Service,
): Promise<Map<Program['name'], Service>> {
  const started = new Map<Program['name'], Service>();
  const waiting = new Set(programs);
  while (waiting.size > 0) {
    const next = [...waiting].find(({ needs }) => needs.every((name) => started.has(name)));
    if (!next)
      throw new Error(`circular dependency between programs: ${[...waiting].map(({ name }) => name).join(', ')}`);
    waiting.delete(next);
    signal?.throwIfAborted();
    const service = processOf(next);
    service.start();
    await (isMigration(next) ? service.finished() : service.ready());
    started.set(next.name, service);
  }
  return started;
}

const isMigration = ({ name, app }: Program): boolean => name !== app;

function migrationOf({ name, app, environment }: Program, { onLine, output }: SystemOptions): Service {
  const command = [join(repository, 'apps', app, 'dist/migrate.js')];
  return new Service({ name, command, environment, directory: repository, onLine, output });
}

function serviceOf(
  { name, app, environment }: Program,
  [port, managementPort]: [port: number, managementPort: number],
  { dev = false, onLine, output }: SystemOptions,
): Service {
  return new Service({
    name,
    command: dev ? fromSources(app) : [join(repository, 'apps', app, 'dist/main.js')],
    environment: { ...environment, PORT: String(port), MANAGEMENT_PORT: String(managementPort) },
    directory: repository,
    url: `http://localhost:${port}`,
    managementUrl: `http://127.0.0.1:${managementPort}`,
    onLine,
    output,
  });
}

function fromSources(app: ServiceName): string[] {
  const hooks = join(repository, 'tools', 'hooks.mjs');
  return ['--watch', '--watch-preserve-output', '--import', hooks, join(repository, 'apps', app, 'src/main.ts')];
}

async function accessToken(issuer: string, clientId: string, secret: string): Promise<string> {
  const response = await fetch(`${issuer}/oauth/token`, {
    method: 'POST',
    headers: { authorization: basicCredentials(clientId, secret) },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

/** The end-to-end tests search all output for these secrets. */
function recordKeys(directory: string): void {
  if (!process.env.E2E_RECORD) return;
  const files = globSync(['key-encryption-key', 'secrets/*/client_secret'], { cwd: directory });
  recordSecrets(files.map((file) => readFileSync(join(directory, file), 'utf8')));
}

/** The key encryption key is created at the first start; it is stored beside the data, but not in the database. */
async function keyEncryptionKey(directory: string): Promise<string> {
  const file = join(directory, 'key-encryption-key');
  await writeFile(file, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' }).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return file;
}
