import { afterAll, beforeAll } from '@jest/globals';
import { testAttacks } from '../attack.fixture.ts';
import { deploymentOfFolder, type Target, targetOf } from '@lanyard/attacks';
import { batchProcessor, directory, inspect, issuer, jobsApi, query } from '../system-under-test.ts';

let target: Target;

beforeAll(async () => {
  // The global setup copied the secrets there, and other tests exchanged the one-time secret of the administrator.
  const deployment = await deploymentOfFolder({
    ISSUER: issuer,
    JOBS_API_URL: jobsApi,
    BATCH_PROCESSOR_URL: batchProcessor,
    LANYARD_DIRECTORY: directory,
  });
  target = await targetOf({
    ...deployment,
    inspect,
    hasGateway: true,
    query: (sql) => query('lanyard_auth', sql),
  });
}, 60_000);
afterAll(() => target?.canary.stop());

testAttacks(() => target);
