import { join } from 'node:path';
import type { Database } from '@lanyard/embedded-postgres';
import type { ServiceName } from './inspect.ts';

/** The resources that the programs need. */
export interface Surroundings {
  repository: string;
  urls: { issuer: string; batchProcessor: string; jobsApi: string };
  databases: { auth: Database; jobs: Database };
  keyEncryptionKeyFile: string;
  secretsDirectory: string;
  /** what differs from the defaults, for every program */
  environment: NodeJS.ProcessEnv;
}

/** A process of the system. */
export interface Program {
  name: ServiceName | `${ServiceName} migration`;
  app: ServiceName;
  environment: NodeJS.ProcessEnv;
  /** the programs that must have ended, or be ready, before it starts */
  needs: readonly Program['name'][];
}

/** The programs of the system, and what each of them needs. */
export function programsOf(surroundings: Surroundings): Program[] {
  const { repository, urls, databases, keyEncryptionKeyFile, secretsDirectory, environment } = surroundings;
  const common = {
    ISSUER: urls.issuer,
    NODE_OPTIONS: process.env.NODE_OPTIONS,
    SHUTDOWN_TIMEOUT: '4',
    API_DOCS: 'true',
    ...environment,
  };
  const authServer = {
    ...common,
    DATABASE_URL: databases.auth.url,
    MIGRATION_DATABASE_URL: databases.auth.ownerUrl,
    KEY_ENCRYPTION_KEY_FILE: keyEncryptionKeyFile,
    PROVISIONING_FILE: join(repository, 'config/lanyard.yaml'),
    SECRETS_DIRECTORY: secretsDirectory,
    JOBS_API_URL: urls.jobsApi,
    BATCH_PROCESSOR_URL: urls.batchProcessor,
  };
  const jobsApi = {
    ...common,
    DATABASE_URL: databases.jobs.url,
    MIGRATION_DATABASE_URL: databases.jobs.ownerUrl,
    RESOURCE: urls.jobsApi,
    CLIENT_SECRET_FILE: join(secretsDirectory, 'jobs-api', 'client_secret'),
  };
  const batchProcessor = {
    ...common,
    RESOURCE: urls.batchProcessor,
    JOBS_API_URL: urls.jobsApi,
    CLIENT_SECRET_FILE: join(secretsDirectory, 'batch-processor', 'client_secret'),
  };
  return [
    { name: 'auth-server migration', app: 'auth-server', environment: authServer, needs: [] },
    { name: 'jobs-api migration', app: 'jobs-api', environment: jobsApi, needs: ['auth-server migration'] },
    { name: 'auth-server', app: 'auth-server', environment: authServer, needs: ['jobs-api migration'] },
    { name: 'jobs-api', app: 'jobs-api', environment: jobsApi, needs: ['auth-server', 'jobs-api migration'] },
    {
      name: 'batch-processor',
      app: 'batch-processor',
      environment: batchProcessor,
      needs: ['auth-server', 'jobs-api'],
    },
  ];
}
