import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { secretFromFile, TokenClient } from '@lanyard/token-client';
import { freePort, lanyard, type Service } from '@lanyard/local-system';
import { decodeProtectedHeader } from 'jose';
import { startSystem, type RecordedSystem } from '../recorded-system.ts';
import { basic } from '../basic.ts';
import { call } from '../system-under-test.ts';

let system: RecordedSystem;
const replicas: Service[] = [];
let issuers: string[];
let jobsApis: string[];

beforeAll(async () => {
  const environment = { SIGNING_KEY_PERIOD: '20', SIGNING_KEY_ANNOUNCEMENT: '5' };
  system = await startSystem({ environment });
  const [auth, jobs] = [await freePort(), await freePort()];
  replicas.push(await system.replica('auth-server', auth), await system.replica('jobs-api', jobs));
  for (const replica of replicas) replica.start();
  await Promise.all(replicas.map((replica) => replica.ready()));
  issuers = [system.urls.issuer, `http://localhost:${auth}`];
  jobsApis = [system.urls.jobsApi, `http://localhost:${jobs}`];
}, 60_000);
afterAll(async () => {
  for (const replica of replicas) await replica.stop();
  await system?.stop();
});

const cli = async (...args: string[]) => {
  const { out, err, code } = await lanyard(
    { ISSUER: system.urls.issuer, SECRETS_DIRECTORY: system.secretsDirectory },
    args,
  );
  if (code !== 0) throw new Error(err);
  return out;
};

/** Requests tokens from every auth-server and calls every jobs-api with new and old tokens, at a steady rate. */
function steadyLoad(clientId: string, secretFile: string) {
  const failures: string[] = [];
  const kids = new Set<string>();
  const count = { tokens: 0, calls: 0 };
  const held: { token: string; at: number }[] = [];
  const stopped = new AbortController();
  const readSecret = secretFromFile(secretFile);
  const cached = new TokenClient({ issuer: system.urls.issuer, clientId, clientSecret: readSecret });
  const failed = (what: string) => (error: unknown) => void failures.push(`${what}: ${String(error)}`);

  const callJobsApi = async (token: string, index: number, age: string) => {
    const url = `${jobsApis[index % 2]}/jobs?limit=1`;
    const { status, body } = await call(url, { headers: { authorization: `Bearer ${token}` } });
    count.calls += 1;
    if (status !== 200) failures.push(`${age} token at ${url}: ${status} ${JSON.stringify(body)}`);
  };
  const round = async (index: number) => {
    const { status, body } = await call(`${issuers[index % 2]}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
      headers: { authorization: basic(clientId, await readSecret()) },
    });
    count.tokens += 1;
    if (status !== 200) throw new Error(`token request: ${status} ${JSON.stringify(body)}`);
    const token = String(body.access_token);
    kids.add(decodeProtectedHeader(token).kid ?? '');
    held.push({ token, at: Date.now() });
    await callJobsApi(token, index, 'new');
    // A token that is forty seconds old, as a client may hold.
    while (held[1] && held[1].at < Date.now() - 40_000) held.shift();
    if (held[0]!.at < Date.now() - 40_000) await callJobsApi(held[0]!.token, index + 1, 'old');
    await callJobsApi((await cached.getToken()).value, index, 'cached');
  };
  const rounds: Promise<void>[] = [];
  const run = async () => {
    for (let index = 0; !stopped.signal.aborted; index++) {
      rounds.push(round(index).catch(failed('round')));
      await sleep(50);
    }
  };
  const ended = run();
  return {
    failures,
    kids,
    count,
    /** Waits for so many more token requests. */
    rounds: async (more: number) => {
      for (const until = count.tokens + more; count.tokens < until;) await sleep(20);
    },
    stop: async () => {
      stopped.abort();
      await ended;
      await Promise.all(rounds);
    },
  };
}

describe('two auth-servers and two jobs-apis', () => {
  it('fail no request under load while a secret and signing keys are rotated', async () => {
    const file = join(system.directory, 'secrets/steady/client_secret');
    await cli(
      'clients',
      'create',
      'steady',
      '--scope',
      'jobs:read',
      '--default-scope',
      'jobs:read',
      '--lifetime',
      '60s',
      '--secret-file',
      file,
    );
    const load = steadyLoad('steady', file);
    const begun = Date.now();
    await load.rounds(100);
    await cli('secrets', 'rotate', 'steady', '--overlap', '24h', '--secret-file', file);
    const secrets = async () =>
      JSON.parse(await cli('secrets', 'list', 'steady', '--json')) as Record<string, unknown>[];
    const [, atRotation] = await secrets();
    expect(atRotation).toMatchObject({ safe_to_remove: false });
    let old = atRotation;
    for (; Date.now() - begun < 120_000 && old?.safe_to_remove !== true; await sleep(1000)) [, old] = await secrets();
    // Uses that were not yet recorded at the rotation were recorded some seconds later, and there were none since.
    expect(old).toMatchObject({
      safe_to_remove: true,
      state: 'live',
      advice: 'unused for a token lifetime, and another is in use',
    });
    expect(Date.now() - Date.parse(String(old?.last_used_at))).toBeGreaterThan(60_000);
    await cli('secrets', 'remove', 'steady', String(old?.secret_id));
    await load.rounds(100);
    await load.stop();

    const seconds = Math.round((Date.now() - begun) / 1000);
    process.stderr.write(
      `rotation: ${load.count.tokens} token requests and ${load.count.calls} calls in ${seconds} s, ${load.kids.size} signing keys, ${load.failures.length} failures\n`,
    );
    expect(load.failures).toEqual([]);
    expect(seconds).toBeGreaterThan(60);
    expect(load.kids.size).toBeGreaterThanOrEqual(3);
    expect(load.count.tokens).toBeGreaterThan(100);
    expect((await secrets()).map(({ state }) => state)).toEqual(['live']);
  }, 180_000);

  it('refuse the tokens of a removed secret, and fail no request of a running client [lost-rights, Lanyard]', async () => {
    const file = join(system.directory, 'secrets/leaky/client_secret');
    const scope = ['--scope', 'jobs:read', '--default-scope', 'jobs:read'];
    await cli('clients', 'create', 'leaky', ...scope, '--secret-file', file);
    const tokens = new TokenClient({
      issuer: system.urls.issuer,
      clientId: 'leaky',
      clientSecret: secretFromFile(file),
    });
    const authorizedFetch = tokens.fetch();
    const urls = jobsApis.map((api) => `${api}/jobs?limit=1`);
    const { value: leaked } = await tokens.getToken();
    const status = async (url: string) => (await call(url, { headers: { authorization: `Bearer ${leaked}` } })).status;
    expect(await Promise.all(urls.map(status))).toEqual([200, 200]);
    await cli('secrets', 'rotate', 'leaky', '--overlap', '24h', '--secret-file', file);
    const [, old] = JSON.parse(await cli('secrets', 'list', 'leaky', '--json'));
    await cli('secrets', 'remove', 'leaky', old.secret_id, '--force', '--yes');
    const removed = performance.now();
    while (String(await Promise.all(urls.map(status))) !== '401,401') {
      if (performance.now() - removed > 5000) throw new Error('still accepted');
      expect((await authorizedFetch(urls[0]!)).status).toBe(200);
      await sleep(5);
    }
    for (const url of urls) expect((await authorizedFetch(url)).status).toBe(200);
    expect((await tokens.getToken()).value).not.toBe(leaked);
  });

  it('refuse the tokens of compromised keys after an emergency rotation', async () => {
    const tokens = await Promise.all(
      issuers.map(async (issuer) => {
        const { body } = await call(`${issuer}/oauth/token`, {
          method: 'POST',
          body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'jobs:read' }),
          headers: { authorization: basic('jobs-cli', await system.secretOf('jobs-cli')) },
        });
        return String(body.access_token);
      }),
    );
    const statuses = () =>
      Promise.all(
        jobsApis.flatMap((api) =>
          tokens.map(async (token) => {
            const { status } = await call(`${api}/jobs?limit=1`, { headers: { authorization: `Bearer ${token}` } });
            return status;
          }),
        ),
      );
    expect(await statuses()).toEqual([200, 200, 200, 200]);
    await cli('keys', 'rotate', '--now', '--yes');
    const withdrawn = performance.now();
    while (String(await statuses()) !== '401,401,401,401') {
      if (performance.now() - withdrawn > 20_000) throw new Error(`still ${await statuses()}`);
      await sleep(5);
    }
    const ms = performance.now() - withdrawn;
    process.stderr.write(`keys withdrawn: refused everywhere ${ms.toFixed(0)} ms after the command ended\n`);
    // The batch processor gets a new token and continues.
    const run = await call(`${system.services.batchProcessor.options.managementUrl}/health/ready`);
    expect(run.status).toBe(200);
  });
});
