import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runningPostgres } from '@lanyard/tools/system';
import type { ComposeProject } from '../compose/compose-project.ts';
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
  return {
    issuer,
    jobsApi: environment.JOBS_API_URL || 'http://localhost:3002',
    batchProcessor: environment.BATCH_PROCESSOR_URL || 'http://localhost:3001',
    directory,
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
    query: (sql) => project.query('lanyard_auth', sql),
    close: () => rm(directory, { recursive: true }),
  };
}

async function insistOnAnswer(issuer: string, command: string): Promise<void> {
  const answer = await fetch(`${issuer}/health/live`).catch(() => undefined);
  if (!answer?.ok) throw new Error(`nothing answers at ${issuer}: ${command} first, or set ISSUER`);
}
