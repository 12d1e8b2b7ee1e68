import { rm } from 'node:fs/promises';
import { freePort, startSystem } from '@lanyard/tools/system';
import { temporaryDirectory } from './temporary-directory.ts';

/** One system for all tests that only talk to it. Tests that kill or restart services start one of their own. */
export default async function globalSetup(): Promise<() => Promise<void>> {
  const directory = await temporaryDirectory();
  const ports = { authServer: await freePort(), batchProcessor: await freePort(), jobsApi: await freePort() };
  const environment = { LOG_LEVEL: 'warn', REGISTRY_RECONCILIATION_PERIOD: '3600' };
  const system = await startSystem({ directory, ports, environment });
  Object.assign(process.env, {
    E2E_ISSUER: system.urls.issuer,
    E2E_JOBS_API: system.urls.jobsApi,
    E2E_BATCH_PROCESSOR: system.urls.batchProcessor,
    E2E_DIRECTORY: directory,
    E2E_AUTH_DATABASE: system.databases.auth,
    E2E_POSTGRES: system.postgres.url,
  });
  return async () => {
    await system.stop();
    await rm(directory, { recursive: true, force: true });
  };
}
