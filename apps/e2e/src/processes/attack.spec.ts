import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freePort, startSystem, type System } from '@lanyard/tools/system';
import { testAttacks } from '../attack/attack.fixture.ts';
import { deploymentOfFolder } from '../attack/deployments.ts';
import { forge, present } from '../attack/forge.ts';
import { targetOf } from '../attack/run-attacks.ts';
import type { Target } from '../attack/target.ts';
import { temporaryDirectory } from '../temporary-directory.ts';

let directory: string;
let system: System;
let target: Target;

beforeAll(async () => {
  directory = await temporaryDirectory();
  const ports = { authServer: await freePort(), batchProcessor: await freePort(), jobsApi: await freePort() };
  system = await startSystem({ directory, ports, environment: { LOG_LEVEL: 'warn' } });
  const { issuer: ISSUER, jobsApi: JOBS_API_URL, batchProcessor: BATCH_PROCESSOR_URL } = system.urls;
  target = await targetOf(
    await deploymentOfFolder({ ISSUER, JOBS_API_URL, BATCH_PROCESSOR_URL, LANYARD_DIRECTORY: directory }),
  );
}, 60_000);
afterAll(async () => {
  await target?.canary.stop();
  await system?.stop();
  await rm(directory, { recursive: true, force: true });
});

testAttacks(() => target);

it('withstands a flood of unknown keys while the authorization server is down [unknown-kid-cooldown, Lanyard]', async () => {
  const genuine = await target.tokenOf('batch-processor');
  await system.services.authServer.stop('SIGKILL');
  const asked: string[] = [];
  const inItsPlace = createServer(({ url = '' }, response) => {
    if (url.startsWith('/.well-known/')) asked.push(url);
    response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => inItsPlace.listen(Number(new URL(target.issuer).port), 'localhost', resolve));
  const flood = async () => {
    const statuses = [];
    for (let i = 0; i < 50; i++) {
      statuses.push((await present(target, forge(genuine, { header: { kid: randomUUID() } }))).status);
    }
    return statuses;
  };
  const statuses = (await Promise.all(Array.from({ length: 10 }, flood))).flat();
  expect(new Set(statuses)).toEqual(new Set([401]));
  expect((await present(target, genuine)).status).toBe(200);
  // Services look for it now and then by themselves.
  expect(asked.length).toBeLessThan(20);
  inItsPlace.closeAllConnections();
  await new Promise((resolve) => inItsPlace.close(resolve));
}, 60_000);
