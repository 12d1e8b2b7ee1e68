import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ComposeProject } from '@lanyard/local-system/compose';
import { startSystem } from './recorded-system.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** More than the tests request in a burst. */
const TOKENS_PER_MINUTE = '100000';

/** Starts one system for all tests that only send requests. Tests that kill or restart processes start their own. */
export default async function globalSetup(): Promise<() => Promise<void>> {
  const directory = await temporaryDirectory();
  process.env.E2E_RECORD = join(directory, 'record');
  await mkdir(process.env.E2E_RECORD);
  const stop = await (process.env.E2E_SYSTEM === 'compose' ? startContainers : startProcesses)(directory);
  return async () => {
    await stop();
    await rm(directory, { recursive: true, force: true });
  };
}

async function startProcesses(): Promise<() => Promise<void>> {
  const environment = { REGISTRY_RECONCILIATION_PERIOD: '600', TOKENS_PER_MINUTE };
  const system = await startSystem({ environment });
  Object.assign(process.env, {
    E2E_DIRECTORY: system.directory,
    E2E_ISSUER: system.urls.issuer,
    E2E_JOBS_API: system.urls.jobsApi,
    E2E_BATCH_PROCESSOR: system.urls.batchProcessor,
    E2E_POSTGRES: system.postgres.url,
    E2E_MANAGEMENT: JSON.stringify(
      Object.fromEntries(Object.values(system.services).map(({ options }) => [options.name, options.managementUrl])),
    ),
  });
  return () => system.stop();
}

async function startContainers(directory: string): Promise<() => Promise<void>> {
  const project = await ComposeProject.create();
  project.settings = { TOKENS_PER_MINUTE };
  try {
    await project.up('--build');
    await project.copySecrets(directory);
  } catch (error) {
    const logs = await project.logs('--tail', '20').catch(String);
    await project.remove();
    throw new Error(`the containers did not start\n${logs}`, { cause: error });
  }
  const { ISSUER, JOBS_API, BATCH_PROCESSOR } = project.urls;
  Object.assign(process.env, {
    E2E_DIRECTORY: directory,
    E2E_ISSUER: ISSUER,
    E2E_JOBS_API: JOBS_API,
    E2E_BATCH_PROCESSOR: BATCH_PROCESSOR,
    E2E_COMPOSE: project.serialized,
  });
  return () => project.remove();
}
