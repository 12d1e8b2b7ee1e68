import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort, lanyard, type Line, type Service } from '@lanyard/local-system';
import { decodeJwt } from 'jose';
import { startSystem, type RecordedSystem } from '../recorded-system.ts';
import { basic } from '../basic.ts';
import { call } from '../system-under-test.ts';

let system: RecordedSystem;
let authServers: Service[];
let jobsApis: Service[];
/** A jobs-api that refuses every token while its revocation list is stale. */
let strict: Service;
const lines: Line[] = [];

beforeAll(async () => {
  const clock = new URL('clock.ts', import.meta.url);
  // The token of a batch lives a little longer than the outage, and is due for renewal during it.
  const environment = { NODE_OPTIONS: `--import=${clock}`, ACCESS_TOKEN_LIFETIME: '780' };
  system = await startSystem({ environment, onLine: (line) => lines.push(line) });
  const [auth, jobs] = [await freePort(), await freePort()];
  authServers = [system.services.authServer, await system.replica('auth-server', auth)];
  const address = { ISSUER_ADDRESS: `http://localhost:${auth}` };
  const second = await system.replica('jobs-api', jobs, address);
  jobsApis = [system.services.jobsApi, second];
  strict = await system.replica('jobs-api', await freePort(), { ...address, REVOCATIONS_WHEN_STALE: 'refuse' });
  authServers[1]!.start();
  await authServers[1]!.ready();
  for (const service of [second, strict]) service.start();
  for (const service of [second, strict]) await service.ready();
}, 60_000);
afterAll(async () => {
  await strict?.stop();
  await jobsApis?.[1]?.stop();
  await authServers?.[1]?.stop();
  await system?.stop();
});

const cli = async (...args: string[]) => {
  const environment = { ISSUER: system.urls.issuer, SECRETS_DIRECTORY: system.secretsDirectory };
  const { out, err, code } = await lanyard(environment, args);
  if (code !== 0) throw new Error(err);
  return out;
};
const form = async (path: string, parameters: Record<string, string>, clientId = 'jobs-cli', server = 0) =>
  call(`${authServers[server]!.options.url}${path}`, {
    method: 'POST',
    body: new URLSearchParams(parameters),
    headers: { authorization: basic(clientId, await system.secretOf(clientId)) },
  });
async function tokenOf(clientId = 'jobs-cli', scope?: string, server = 0): Promise<string> {
  const parameters = { grant_type: 'client_credentials', ...(scope && { scope }) };
  const { body, status } = await form('/oauth/token', parameters, clientId, server);
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return String(body.access_token);
}
const authorized = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
/** The status with which each jobs-api answers a token. */
const answersTo = (token: string, path = '/jobs?limit=1') =>
  Promise.all(jobsApis.map(async ({ options }) => (await call(options.url + path, authorized(token))).status));
async function untilAnswered(token: string, status: number): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if ((await answersTo(token)).every((answered) => answered === status)) return;
    await sleep(20);
  }
  throw new Error(`answered ${await answersTo(token)}, not ${status}`);
}
/** The number of requests so far, by route. */
async function requestsAt(service: Service): Promise<Record<string, number>> {
  const { text } = (await call(`${service.options.managementUrl}/metrics`)).body;
  const found = String(text).matchAll(/^http_request_duration_seconds_count\{.*route="([^"]+)".*\} (\d+)$/gm);
  const routes: Record<string, number> = {};
  for (const [, route, count] of found) routes[route!] = (routes[route!] ?? 0) + Number(count);
  return routes;
}
const metricOf = async ({ options }: Service, name: string) =>
  Number(
    new RegExp(`^${name}\\{.*\\} (.+)$`, 'm').exec(
      String((await call(`${options.managementUrl}/metrics`)).body.text),
    )?.[1],
  );
const readinessOf = async ({ options }: Service) => {
  const { status, body } = await call(`${options.managementUrl}/health/ready`);
  const { revocations } = body.details as Record<string, { status: string; message?: string }>;
  return { ready: status, ...revocations };
};
async function submitJob(token: string): Promise<string> {
  const send = (path: string, body: string, type: string) =>
    call(system.urls.jobsApi + path, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
    });
  const { body: file } = await send('/files', 'a,b\n1,2\n', 'text/csv');
  const job = { type: 'summarize-csv', payload: { file: file.id, name: 'numbers.csv' } };
  return String((await send('/jobs', JSON.stringify(job), 'application/json')).body.id);
}
async function untilDone(id: string, token: string): Promise<void> {
  for (let i = 0; i < 500; i++) {
    const { body } = await call(`${system.urls.jobsApi}/jobs/${id}`, authorized(token));
    if (body.status === 'succeeded') return;
    await sleep(20);
  }
  throw new Error(`job ${id} is not done`);
}

describe('a revoked token of the batch processor', () => {
  it('is replaced with one token request, and no job fails', async () => {
    const [token, runs] = [await tokenOf(), await tokenOf('jobs-cli', 'runs:write')];
    await system.services.batchProcessor.ready();
    const administrator = (await cli('token', 'get')).trim();
    const tokenRequests = async () =>
      (await Promise.all(authServers.map(requestsAt))).reduce((sum, routes) => sum + (routes['/oauth/token'] ?? 0), 0);
    const before = await tokenRequests();
    const revocation = await call(`${system.urls.issuer}/admin/revocations`, {
      method: 'POST',
      body: JSON.stringify({ client_id: 'batch-processor' }),
      headers: { authorization: `Bearer ${administrator}`, 'content-type': 'application/json' },
    });
    expect(revocation.status).toBe(204);
    const ids = await Promise.all(Array.from({ length: 20 }, () => submitJob(token)));
    await call(`${system.urls.batchProcessor}/runs`, { method: 'POST', ...authorized(runs) });
    for (const id of ids) await untilDone(id, token);
    expect((await tokenRequests()) - before).toBe(1);
  });
});

describe('a ten-minute outage of the authorization server', () => {
  it('leaves valid tokens accepted, other tokens refused and jobs running, and every service recovers', async () => {
    await cli('clients', 'update', 'report-generator', '--lifetime', '5m');
    const [valid, revoked, runs] = [await tokenOf(), await tokenOf(), await tokenOf('jobs-cli', 'runs:write')];
    // Valid for five minutes, plus the clock tolerance.
    const short = await tokenOf('report-generator');
    const forged = `${valid.slice(0, -6)}AAAAAA`;
    const unknownKey = valid.replace(/^[^.]*/, btoa('{"alg":"ES256","typ":"at+jwt","kid":"x"}').replaceAll('=', ''));
    expect((await form('/oauth/revoke', { token: revoked })).status).toBe(200);
    await untilAnswered(revoked, 401);
    await system.services.batchProcessor.ready();

    for (const server of authServers) await server.stop('SIGKILL');
    for (let minute = 1; minute <= 10; minute++) {
      for (const { pid } of [...jobsApis, strict, system.services.batchProcessor]) process.kill(pid!, 'SIGUSR2');
      await sleep(200);
      const expected = [200, 401, minute <= 5 ? 200 : 401, 401, 401];
      const found = [
        await answersTo(valid),
        await answersTo(revoked),
        await answersTo(short, '/reports/jobs'),
        await answersTo(forged),
        await answersTo(unknownKey),
      ];
      expect([minute, ...found]).toEqual([minute, ...expected.map((status) => [status, status])]);
      const refusal = async (token: string) => (await call(`${strict.options.url}/jobs`, authorized(token))).status;
      expect([await refusal(valid), await refusal(revoked)]).toEqual([503, 401]);
      const id = await submitJob(valid);
      const run = await call(`${system.urls.batchProcessor}/runs`, { method: 'POST', ...authorized(runs) });
      expect(run.status).toBe(202);
      await untilDone(id, valid);
    }
    for (const service of [...jobsApis, system.services.batchProcessor]) {
      expect(await readinessOf(service)).toEqual({
        ready: 200,
        status: 'degraded',
        message: expect.stringMatching(/^the revocation list was last current 6\d\d s ago: /),
      });
    }
    expect(await metricOf(jobsApis[0]!, 'lanyard_revocation_list_staleness_seconds')).toBeGreaterThan(590);
    expect(await metricOf(jobsApis[0]!, 'lanyard_revocation_list_stale')).toBe(1);
    expect((await readinessOf(strict)).ready).toBe(503);
    const stale = lines.filter(({ fields }) => fields?.msg === 'the revocation list is stale');
    expect(new Set(stale.map(({ fields }) => fields?.policy))).toEqual(new Set(['accept', 'refuse']));
    expect(lines.some(({ fields }) => fields?.msg === 'access token renewal-failed')).toBe(true);

    // After ten minutes of waiting, the services reconnect one after the other.
    for (const server of authServers) {
      server.options.environment.CLOCK_MINUTES = '10';
      server.start();
    }
    await Promise.all(authServers.map((server) => server.ready()));
    await sleep(10_000);
    const countRequests = async () => {
      const requests = await Promise.all(authServers.map(requestsAt));
      const at = (route: string) => requests.reduce((sum, routes) => sum + (routes[route] ?? 0), 0);
      return {
        tokens: at('/oauth/token'),
        metadata: at('/.well-known/oauth-authorization-server'),
        keys: at('/.well-known/jwks.json'),
        revocations: at('/oauth/revocations'),
      };
    };
    let counts = await countRequests();
    for (; Math.min(counts.metadata, counts.revocations) < 4; counts = await countRequests()) await sleep(100);
    process.stderr.write(`requests of four services until all were back: ${JSON.stringify(counts)}\n`);
    // Each of the four sends one or two requests for each item, and for metadata twice: for keys and for revocations.
    expect(counts.tokens).toBeLessThanOrEqual(2);
    expect(counts.metadata).toBeLessThanOrEqual(12);
    expect(counts.keys).toBeLessThanOrEqual(8);
    expect(counts.revocations).toBeLessThanOrEqual(8);
    for (const service of [...jobsApis, strict])
      expect(await readinessOf(service)).toEqual({ ready: 200, status: 'up' });
    const next = await tokenOf();
    expect(await answersTo(next)).toEqual([200, 200]);
    expect((await form('/oauth/revoke', { token: next }, 'jobs-cli', 1)).status).toBe(200);
    await untilAnswered(next, 401);
    expect(await answersTo(revoked)).toEqual([401, 401]);
  }, 120_000);
});

describe('an outage of Postgres', () => {
  it('leaves known clients able to get tokens, makes writes fail with 503, and loses no acknowledged revocation', async () => {
    const tokens = await Promise.all(
      Array.from({ length: 300 }, (_, index) => tokenOf('jobs-cli', undefined, index % 2)),
    );
    // Makes the client known to both servers.
    await Promise.all([0, 1].map((server) => tokenOf('batch-processor', undefined, server)));
    const administrator = (await cli('token', 'get')).trim();
    const acknowledged: string[] = [];
    const refused: string[] = [];
    const tokenFailures: string[] = [];
    const others = new Set<string>();
    let issued = 0;
    const load = tokens.map(async (token, index) => {
      await sleep(index * 30);
      const server = index % 2;
      await tokenOf('batch-processor', undefined, server).then(
        () => (issued += 1),
        (error: unknown) => tokenFailures.push(String(error)),
      );
      const { status, body, headers } = await form('/oauth/revoke', { token }, 'jobs-cli', server);
      if (status === 200) acknowledged.push(token);
      else refused.push(token);
      if (status !== 200) others.add(`revoke: ${status} ${String(body.error)} ${headers.get('retry-after')}`);
      const created = await call(`${authServers[server]!.options.url}/admin/clients`, {
        method: 'POST',
        body: JSON.stringify({ client_id: `client-${index}` }),
        headers: { authorization: `Bearer ${administrator}`, 'content-type': 'application/json' },
      });
      // 429 when too many requests wait for the database at the same time.
      if (![201, 429].includes(created.status)) others.add(`administration: ${created.status}`);
    });

    while (acknowledged.length < 60) await sleep(20);
    await system.postgres.kill();
    while (refused.length < 100 || !others.has('administration: 503')) await sleep(20);
    await system.postgres.restart();
    await Promise.all(load);

    expect(tokenFailures).toEqual([]);
    expect(issued).toBe(300);
    expect([...others].toSorted()).toEqual(['administration: 503', 'revoke: 503 temporarily_unavailable 1']);
    expect([acknowledged.length > 50, refused.length > 50]).toEqual([true, true]);
    process.stderr.write(`revocations: ${acknowledged.length} acknowledged, ${refused.length} refused with 503\n`);
    await Promise.all(jobsApis.map((service) => service.ready()));
    for (const token of acknowledged) await untilAnswered(token, 401);
    const listed = JSON.parse(await cli('token', 'revoked', '--client-id', 'jobs-cli', '--json')) as { id: string }[];
    expect(listed.map(({ id }) => id)).toEqual(
      expect.arrayContaining(acknowledged.map((token) => decodeJwt(token).jti)),
    );
    // A refused revocation succeeds now.
    const [again] = refused as [string];
    expect((await form('/oauth/revoke', { token: again })).status).toBe(200);
    await untilAnswered(again, 401);
  }, 120_000);
});
