import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runningPostgres } from '@lanyard/tools/system';
import type { ComposeProject } from '../compose/compose-project.ts';
import { inspectAt } from '../inspect.ts';
import { lanyard } from '../lanyard.ts';
import { queryServer } from '../postgres.ts';
import type { Deployment } from './target.ts';

/** A deployment that is there, and what it takes to let go of it. */
export type Found = Deployment & { close: () => Promise<void> };

/** What `npm start` runs, or anything else whose clients' secrets are in a folder. */
export async function deploymentOfFolder(environment: NodeJS.ProcessEnv): Promise<Found> {
  const directory = resolve(environment.LANYARD_DIRECTORY || '.lanyard');
  const issuer = environment.ISSUER || 'http://localhost:3000';
  await insistOnAnswer(issuer, 'npm start');
  const secrets = join(directory, 'secrets', 'administrator');
  if (existsSync(join(secrets, 'one_time_secret'))) {
    await lanyard({ ISSUER: issuer, SECRETS_DIRECTORY: join(directory, 'secrets') }, ['clients', 'list']);
  }
  const postgres = await runningPostgres(directory);
  const jobsApi = environment.JOBS_API_URL || 'http://localhost:3002';
  const batchProcessor = environment.BATCH_PROCESSOR_URL || 'http://localhost:3001';
  return {
    issuer,
    jobsApi,
    batchProcessor,
    directory,
    inspect: inspectAt({
      'auth-server': managementOf(issuer, environment.AUTH_SERVER_MANAGEMENT_PORT),
      'batch-processor': managementOf(batchProcessor, environment.BATCH_PROCESSOR_MANAGEMENT_PORT),
      'jobs-api': managementOf(jobsApi, environment.JOBS_API_MANAGEMENT_PORT),
    }),
    ...(postgres && { query: (sql) => queryServer(postgres.url, 'lanyard_auth', sql) }),
    close: async () => undefined,
  };
}

/** The containers; their secrets are in volumes, and copied for as long as it takes. */
export async function composeDeployment(project: ComposeProject): Promise<Found> {
  const { ISSUER: issuer, JOBS_API: jobsApi, BATCH_PROCESSOR: batchProcessor } = project.urls;
  await insistOnAnswer(issuer, 'docker compose up');
  // Lets the first administrator in, where nobody did.
  await project.compose('run', '--rm', '-T', 'lanyard', 'clients', 'list');
  // For this user alone: it holds every secret there is.
  const directory = await mkdtemp(join(tmpdir(), 'lanyard-attack-'));
  await project.copySecrets(directory);
  return {
    issuer,
    jobsApi,
    batchProcessor,
    directory,
    inspect: (service, path) => project.inspect(service, path),
    hasGateway: true,
    query: (sql) => project.query('lanyard_auth', sql),
    close: () => rm(directory, { recursive: true }),
  };
}

async function insistOnAnswer(issuer: string, command: string): Promise<void> {
  const answer = await fetch(`${issuer}/.well-known/jwks.json`).catch(() => undefined);
  if (!answer?.ok) throw new Error(`nothing answers at ${issuer}: ${command} first, or set ISSUER`);
}

/** As `npm start` chooses it, unless it is set. */
function managementOf(url: string, port: string | undefined): string {
  const { hostname, port: publicPort } = new URL(url);
  return `http://${hostname}:${port || Number(publicPort) + 100}`;
}
