import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freePort, Service } from '@lanyard/local-system';
import { testAttacks } from '../attack.fixture.ts';
import { deploymentOfFolder, forge, mannWhitney, present, type Target, targetOf, timeGuesses } from '@lanyard/attacks';
import { startSystem, type RecordedSystem } from '../recorded-system.ts';

const execute = promisify(execFile);
const repository = fileURLToPath(new URL('../../../..', import.meta.url));
let system: RecordedSystem;
let target: Target;
let forwardAuth: Service | undefined;

beforeAll(async () => {
  system = await startSystem();
  forwardAuth = await startForwardAuth();
  target = await targetOf(await deploymentOfFolder(settings()));
}, 60_000);
afterAll(async () => {
  await target?.canary.stop();
  await forwardAuth?.stop();
  await system?.stop();
});

/** In front of the jobs API; it acts as the jobs API's client. */
async function startForwardAuth(): Promise<Service> {
  const [port, managementPort] = [await freePort(), await freePort()];
  const service = new Service({
    name: 'forward-auth',
    command: [join(repository, 'apps/forward-auth/dist/main.js')],
    environment: {
      PORT: String(port),
      MANAGEMENT_PORT: String(managementPort),
      ISSUER: system.urls.issuer,
      CLIENT_ID: 'jobs-api',
      CLIENT_SECRET_FILE: join(system.secretsDirectory, 'jobs-api/client_secret'),
      RULES: `jobs ${system.urls.jobsApi} jobs:read`,
      LOG_LEVEL: 'trace',
    },
    directory: repository,
    url: `http://localhost:${port}`,
    managementUrl: `http://127.0.0.1:${managementPort}`,
  });
  service.start();
  await service.ready();
  return service;
}

/** The settings by which `npm run attack` finds the system. */
function settings() {
  const { authServer, batchProcessor, jobsApi } = system.services;
  const managementPort = ({ options }: Service) => new URL(options.managementUrl!).port;
  return {
    ISSUER: system.urls.issuer,
    JOBS_API_URL: system.urls.jobsApi,
    BATCH_PROCESSOR_URL: system.urls.batchProcessor,
    AUTH_SERVER_MANAGEMENT_PORT: managementPort(authServer),
    BATCH_PROCESSOR_MANAGEMENT_PORT: managementPort(batchProcessor),
    JOBS_API_MANAGEMENT_PORT: managementPort(jobsApi),
    LANYARD_DIRECTORY: system.directory,
    FORWARD_AUTH_URL: `${forwardAuth?.options.url}/rules/jobs`,
  };
}

testAttacks(() => target);

it('npm run attack says what it tried and what stopped it', async () => {
  const { ISSUER, JOBS_API_URL, BATCH_PROCESSOR_URL } = settings();
  const environment = { ...settings(), NO_COLOR: '1' };
  const attack = (...args: string[]) =>
    execute('npm', ['run', '--silent', 'attack', '--', ...args], {
      cwd: repository,
      env: { ...process.env, ...environment },
    });
  const { stdout } = await attack('--only', 'no algorithm');
  expect(stdout).toContain(`Attacks on ${ISSUER}, ${JOBS_API_URL}, ${BATCH_PROCESSOR_URL}`);
  expect(stdout).toMatch(
    /✓ no algorithm {2}\[algorithm-allow-list, RFC 8725 §3.1\]\n {6}tried .*\n {6}stopped .*\n {6}answered {2}18 × 401/,
  );
  expect(stdout).toMatch(/1 stopped, 0 not stopped, 0 left out\n$/);
  expect(JSON.parse((await attack('--only', 'twin', '--json')).stdout)).toMatchObject([
    { name: 'the twin of a revoked token', result: 'stopped' },
  ]);
  expect((await attack('--fuzz', '200', '--seed', '7')).stdout).toMatch(
    /memory growth was not judged for .*\nno 5xx, no restart\n$/,
  );
  await expect(attack('--only', 'nothing of this name')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no attack has "nothing of this name" in its name'),
  });
  await expect(attack('--fuzz', 'many')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('must be a whole number'),
  });
}, 60_000);

it('npm run attack refuses services that do not belong to the same system', async () => {
  const attack = (changes: NodeJS.ProcessEnv) =>
    execute('npm', ['run', '--silent', 'attack'], {
      cwd: repository,
      env: { ...process.env, ...settings(), NO_COLOR: '1', FORCE_COLOR: undefined, ...changes },
    });
  await expect(attack({ JOBS_API_URL: process.env.E2E_JOBS_API })).rejects.toMatchObject({
    code: 2,
    stdout: '',
    stderr: `${process.env.E2E_JOBS_API} accepts tokens of ${process.env.E2E_ISSUER}, not of ${system.urls.issuer}\n`,
  });
  await expect(attack({ ISSUER: process.env.E2E_ISSUER })).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`belong to ${system.urls.issuer}, and ISSUER is ${process.env.E2E_ISSUER}`),
  });
});

it('the response time does not reveal whether a client exists [same-work, Lanyard]', async () => {
  const port = await freePort();
  const observing = await system.replica('auth-server', port, { THROTTLING: 'observe', LOG_LEVEL: 'error' });
  observing.start();
  await observing.ready();
  const tokenEndpoint = `http://localhost:${port}/oauth/token`;
  // A real difference shows in every attempt; a difference by chance, in one of ten thousand attempts.
  let isAlike = false;
  for (let attempt = 0; attempt < 3 && !isAlike; attempt++) {
    const { known, unknown } = await timeGuesses(tokenEndpoint, 'jobs-cli', 4000);
    expect(known.length + unknown.length).toBe(8000);
    isAlike = mannWhitney(known, unknown).p > 0.0001;
  }
  expect(isAlike).toBe(true);
  await observing.stop();
}, 120_000);

it('the jobs API withstands a flood of unknown key ids while the authorization server is down [unknown-kid-cooldown, Lanyard]', async () => {
  const genuine = await target.tokenOf('batch-processor');
  await system.services.authServer.stop('SIGKILL');
  const metadataRequests: string[] = [];
  const standIn = createServer(({ url = '' }, response) => {
    if (url.startsWith('/.well-known/')) metadataRequests.push(url);
    response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => standIn.listen(Number(new URL(target.issuer).port), 'localhost', resolve));
  const flood = async () => {
    const statuses = [];
    for (let i = 0; i < 50; i++) {
      statuses.push((await present(target, forge(genuine, { header: { kid: randomUUID() } }))).status);
    }
    return statuses;
  };
  const begun = performance.now();
  const statuses = (await Promise.all(Array.from({ length: 10 }, flood))).flat();
  expect(statuses.length).toBe(500);
  expect(new Set(statuses)).toEqual(new Set([401]));
  expect((await present(target, genuine)).status).toBe(200);
  // The services also poll it at intervals of their own.
  expect(metadataRequests.length).toBeLessThan(20 + (performance.now() - begun) / 500);
  standIn.closeAllConnections();
  await new Promise((resolve) => standIn.close(resolve));
}, 60_000);
