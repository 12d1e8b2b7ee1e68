import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createDatabase, startEmbeddedPostgres, type EmbeddedPostgres } from '@lanyard/testing/embedded-postgres';
import { Service, type Line } from './service.ts';

export interface SystemOptions {
  /** where data, keys and secrets are kept */
  directory: string;
  ports: { authServer: number; batchProcessor: number; jobsApi: number };
  /** from the sources, restarted on each edit */
  dev?: boolean;
  /** what differs from the defaults, for every service */
  environment?: NodeJS.ProcessEnv;
  onLine?: (line: Line) => void;
  onStep?: (step: string) => void;
}

/** The whole product on one machine: Postgres, its databases, and the three services as processes of their own. */
export interface System {
  urls: { issuer: string; batchProcessor: string; jobsApi: string };
  postgres: EmbeddedPostgres;
  databases: { auth: string; jobs: string };
  services: { authServer: Service; batchProcessor: Service; jobsApi: Service };
  secretsDirectory: string;
  secretOf(clientId: string): Promise<string>;
  /** one more process of a service, on another port; the caller starts it */
  replica(name: ServiceName, port: number, environment?: NodeJS.ProcessEnv): Service;
  stop(): Promise<void>;
}

type ServiceName = 'auth-server' | 'batch-processor' | 'jobs-api';

const repository = new URL('../..', import.meta.url).pathname;

export async function startSystem(options: SystemOptions): Promise<System> {
  const { directory, ports, dev = false, environment, onLine, onStep = () => undefined } = options;
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const secretsDirectory = join(directory, 'secrets');
  const urls = {
    issuer: `http://localhost:${ports.authServer}`,
    batchProcessor: `http://localhost:${ports.batchProcessor}`,
    jobsApi: `http://localhost:${ports.jobsApi}`,
  };

  const postgres = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
  onStep(`Postgres on port ${postgres.port}${postgres.reused ? ', found running' : ''}, data in ${postgres.directory}`);
  const running: Service[] = [];
  const stop = async () => {
    for (const service of running.toReversed()) await service.stop();
    await postgres.stop();
  };

  try {
    const auth = await createDatabase(postgres.url, 'lanyard_auth');
    const jobs = await createDatabase(postgres.url, 'lanyard_jobs');
    const common = {
      ISSUER: urls.issuer,
      NODE_OPTIONS: process.env.NODE_OPTIONS,
      SHUTDOWN_TIMEOUT: '4',
      ...environment,
    };
    const own: Record<ServiceName, NodeJS.ProcessEnv> = {
      'auth-server': {
        DATABASE_URL: auth.url,
        MIGRATION_DATABASE_URL: auth.ownerUrl,
        KEY_ENCRYPTION_KEY_FILE: await keyEncryptionKey(directory),
        PROVISIONING_FILE: join(repository, 'config/lanyard.yaml'),
        SECRETS_DIRECTORY: secretsDirectory,
        JOBS_API_URL: urls.jobsApi,
        BATCH_PROCESSOR_URL: urls.batchProcessor,
      },
      'jobs-api': { DATABASE_URL: jobs.url, MIGRATION_DATABASE_URL: jobs.ownerUrl, RESOURCE: urls.jobsApi },
      'batch-processor': {
        RESOURCE: urls.batchProcessor,
        JOBS_API_URL: urls.jobsApi,
        CLIENT_SECRET_FILE: join(secretsDirectory, 'batch-processor', 'client_secret'),
      },
    };
    const program = (name: ServiceName, file: string, more: NodeJS.ProcessEnv, url?: string) =>
      new Service({
        name,
        command: commandOf(name, file, dev && url !== undefined),
        environment: { ...common, ...own[name], ...more },
        directory: repository,
        url,
        onLine,
      });
    const replica = (name: ServiceName, port: number, more: NodeJS.ProcessEnv = {}) =>
      program(name, 'main', { PORT: String(port), ...more }, `http://localhost:${port}`);

    for (const name of ['auth-server', 'jobs-api'] as const) {
      const migration = program(name, 'migrate', {});
      migration.start();
      await migration.finished();
    }
    onStep('schemas, clients and signing key are up to date');

    const services = {
      authServer: replica('auth-server', ports.authServer),
      jobsApi: replica('jobs-api', ports.jobsApi),
      batchProcessor: replica('batch-processor', ports.batchProcessor),
    };
    for (const service of [services.authServer, services.jobsApi, services.batchProcessor]) {
      running.push(service);
      service.start();
    }
    await Promise.all(running.map((service) => service.ready()));
    return {
      urls,
      postgres,
      databases: { auth: auth.ownerUrl, jobs: jobs.ownerUrl },
      services,
      secretsDirectory,
      secretOf: (clientId) => readFile(join(secretsDirectory, clientId, 'client_secret'), 'utf8'),
      replica,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function commandOf(name: ServiceName, file: string, dev: boolean): string[] {
  if (!dev) return [join(repository, 'apps', name, 'dist', `${file}.js`)];
  const hooks = join(repository, 'tools', 'hooks.mjs');
  return ['--watch', '--watch-preserve-output', '--import', hooks, join(repository, 'apps', name, 'src', `${file}.ts`)];
}

/** Made at the first start; beside the data, but not in the database. */
async function keyEncryptionKey(directory: string): Promise<string> {
  const file = join(directory, 'key-encryption-key');
  await writeFile(file, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' }).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return file;
}
