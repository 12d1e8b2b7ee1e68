import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { address, commonSettings, readSettings, secretFileOf, UsageError } from '@lanyard/command-line';
import { inspectAt, lanyard, queryServer, runningPostgres } from '@lanyard/local-system';
import type { ComposeProject } from '@lanyard/local-system/compose';
import type { Deployment } from './target.ts';

const settings = commonSettings.extend({
  JOBS_API_URL: address.default('http://localhost:3002'),
  BATCH_PROCESSOR_URL: address.default('http://localhost:3001'),
  FORWARD_AUTH_URL: address.optional(),
});

/** A running deployment; call `close` after use. */
export type Found = Deployment & { close: () => Promise<void> };

/** The deployment of `npm start`, or any other whose client secrets are in a folder. */
export async function deploymentOfFolder(environment: NodeJS.ProcessEnv): Promise<Found> {
  const directory = resolve(environment.LANYARD_DIRECTORY || '.lanyard');
  const found = readSettings(settings, { ...environment, SECRETS_DIRECTORY: join(directory, 'secrets') });
  const { ISSUER: issuer, JOBS_API_URL: jobsApi, BATCH_PROCESSOR_URL: batchProcessor } = found;
  // Checks that the secrets belong to this issuer before they are sent to it.
  secretFileOf(found, 'administrator');
  await assertAnswer(issuer, 'npm start');
  for (const service of [jobsApi, batchProcessor]) await requireSameIssuer(service, issuer);
  const secrets = join(directory, 'secrets', 'administrator');
  if (existsSync(join(secrets, 'one_time_secret'))) {
    await lanyard({ ISSUER: issuer, SECRETS_DIRECTORY: join(directory, 'secrets') }, ['clients', 'list']);
  }
  const postgres = await runningPostgres(directory);
  return {
    issuer,
    jobsApi,
    batchProcessor,
    ...(found.FORWARD_AUTH_URL && { forwardAuth: found.FORWARD_AUTH_URL }),
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

/** The containers; their secrets are in volumes, and are copied to a temporary folder. */
export async function composeDeployment(project: ComposeProject): Promise<Found> {
  const { ISSUER: issuer, JOBS_API: jobsApi, BATCH_PROCESSOR: batchProcessor } = project.urls;
  await assertAnswer(issuer, 'docker compose up');
  // Sets up the first administrator, if that was not done yet.
  await project.compose('run', '--rm', '-T', 'lanyard', 'clients', 'list');
  // Readable only by this user: it holds all secrets.
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

async function assertAnswer(issuer: string, command: string): Promise<void> {
  const answer = await fetch(`${issuer}/.well-known/jwks.json`).catch(() => undefined);
  if (!answer?.ok) throw new UsageError(`nothing answers at ${issuer}: ${command} first, or set ISSUER`);
}

/**
 * RFC 9728 section 2: services that trust another issuer would refuse every token, so the attacks would prove nothing.
 */
async function requireSameIssuer(service: string, issuer: string): Promise<void> {
  const answer = await fetch(`${service}/.well-known/oauth-protected-resource`).catch(() => undefined);
  const metadata = (await answer?.json().catch(() => undefined)) as { authorization_servers?: string[] } | undefined;
  if (!metadata?.authorization_servers) throw new UsageError(`no service of Lanyard answers at ${service}`);
  if (!metadata.authorization_servers.includes(issuer)) {
    throw new UsageError(`${service} accepts tokens of ${metadata.authorization_servers.join(', ')}, not of ${issuer}`);
  }
}

/** The management address that `npm start` chooses, unless the port is set. */
function managementOf(url: string, port: string | undefined): string {
  const { hostname, port: publicPort } = new URL(url);
  return `http://${hostname}:${port || Number(publicPort) + 100}`;
}
