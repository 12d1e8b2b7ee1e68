import { afterAll, beforeAll } from '@jest/globals';
import { testAttacks } from '../attack/attack.fixture.ts';
import { composeDeployment } from '../attack/deployments.ts';
import { targetOf } from '../attack/run-attacks.ts';
import type { Target } from '../attack/target.ts';
import { project } from '../system-under-test.ts';

let target: Target;
let close: () => Promise<void>;

beforeAll(async () => {
  const deployment = await composeDeployment(project!);
  ({ close } = deployment);
  target = await targetOf(deployment);
}, 60_000);
afterAll(async () => {
  await target?.canary.stop();
  await close?.();
});

testAttacks(() => target);
