import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { lanyard, type Line } from '@lanyard/local-system';
import { call, deploymentOfFolder, type Target, targetOf } from '@lanyard/attacks';
import { hostileTexts, type Seed, seedsOf, spoiltRequests } from '@lanyard/attacks/fuzz';
import { startSystem, type RecordedSystem } from '../recorded-system.ts';

let system: RecordedSystem;
let target: Target;
let seeds: Seed[];
let administrator: string;
const lines: Line[] = [];

beforeAll(async () => {
  // The tests send thousands of invalid requests, none of which may be throttled.
  const environment = { THROTTLING: 'observe', TOKENS_PER_MINUTE: '100000' };
  system = await startSystem({ environment, onLine: (line) => lines.push(line) });
  const { issuer: ISSUER, jobsApi: JOBS_API_URL, batchProcessor: BATCH_PROCESSOR_URL } = system.urls;
  target = await targetOf(
    await deploymentOfFolder({ ISSUER, JOBS_API_URL, BATCH_PROCESSOR_URL, LANYARD_DIRECTORY: system.directory }),
  );
  seeds = await seedsOf(target);
  administrator = `Bearer ${await target.tokenOf('administrator', 'clients:read clients:write')}`;
}, 60_000);
afterAll(async () => {
  await target?.canary.stop();
  await system?.stop();
});

/** Registers the client and the resource of the requests again, because some requests delete them. */
async function restore(): Promise<void> {
  const headers = { authorization: administrator, 'content-type': 'application/json' };
  const client = { client_id: 'fuzzed', scope: 'jobs:read', default_scope: 'jobs:read' };
  await call(`${target.issuer}/admin/clients`, { method: 'POST', headers, body: JSON.stringify(client) });
  const resource = `${target.issuer}/admin/resources/${encodeURIComponent('https://fuzzed.example')}`;
  const body = JSON.stringify({ name: 'Fuzzed', scopes: { 'fuzz:read': 'Read' } });
  await call(resource, { method: 'PUT', headers, body });
}

it.each(hostileTexts)(
  '$name in any field of any endpoint is accepted or refused, and breaks nothing [strange-characters, Lanyard] [no-server-error, Lanyard]',
  async (hostile) => {
    const unclear: string[] = [];
    let requests = 0;
    for (const seed of seeds.filter(({ path }) => !isPage(path))) {
      if (seed.path.startsWith('/admin/')) await restore();
      const { method, url } = seed;
      for (const { field, path, headers, body } of spoiltRequests(seed, hostile)) {
        requests += 1;
        const what = `${method} ${seed.operation?.path ?? seed.path}: ${field}`;
        const answer = await call(url + path, { method, headers, body }).catch((error: unknown) => String(error));
        if (typeof answer === 'string') unclear.push(`${what}: ${answer}`);
        else if (answer.headers['x-injected']) unclear.push(`${what}: injected a header`);
        else if (answer.status >= 400 && !(answer.body.title ?? answer.body.error)) {
          unclear.push(`${what}: ${answer.status} ${answer.text.slice(0, 100)}`);
        } else if ([401, 403].includes(answer.status) && !mayRefuse(seed)) {
          unclear.push(`${what}: refused before the field was read, ${answer.status}`);
        }
      }
    }
    process.stderr.write(`${hostile.name}: ${requests} requests\n`);
    expect(unclear).toEqual([]);
    expect(requests).toBeGreaterThan(200);
  },
  120_000,
);

/** Pages that have no fields. */
const isPage = (path: string): boolean => /^\/(docs|health|metrics|oauth\/authorize)/.test(path);

/** Whether 401 and 403 are valid answers: the form identifies the client, or the token does not open the endpoint. */
const mayRefuse = ({ path, mayBeRefused = false }: Seed): boolean => mayBeRefused || path.startsWith('/oauth/');

it('registry, audit log, jobs and log lines are intact after these requests [strange-characters, Lanyard]', async () => {
  const environment = { ISSUER: system.urls.issuer, SECRETS_DIRECTORY: system.secretsDirectory };
  for (const command of [
    ['clients', 'list'],
    ['resources', 'list'],
    ['audit', 'verify'],
  ])
    expect(await lanyard(environment, command)).toMatchObject({ code: 0 });
  const jobs = await call(`${target.jobsApi}/jobs`, {
    headers: { authorization: `Bearer ${await target.tokenOf('batch-processor')}` },
  });
  expect(jobs.status).toBe(200);
  for (const service of Object.values(system.services)) await service.ready();
  const logged = lines.filter(({ service }) => !service.includes('migration'));
  expect(logged.filter(({ fields }) => fields === undefined).map(({ text }) => text)).toEqual([]);
  // During startup, services answer 503 because they are not ready yet.
  const isFault = ({ level, status }: Record<string, unknown>) =>
    ['error', 'fatal'].includes(String(level)) && status !== 503;
  expect(logged.filter(({ fields = {} }) => isFault(fields)).map(({ text }) => text)).toEqual([]);
});
