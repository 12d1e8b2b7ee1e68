/**
 * Measures how soon a revoked token is refused: 1,000 revocations at 50 per second, at two replicas of jobs-api that
 * each follow a different replica of the auth-server, under load; then the cost of 100,000 live revocations. Real
 * processes and a real Postgres on this machine. `npm run bench:revocation`; with `-- --busy`, the same while one
 * administrator keeps 30 requests with registry files of 2,000 clients in progress, and clients are disabled.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RevokedTokens, revocationsIn, validateAccessToken, validateRevocationList } from '@lanyard/access-token';
import { basicCredentials, type RevocationListClaims } from '@lanyard/oauth-protocol';
import { freePort, type Service, startSystem } from '@lanyard/local-system';
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet } from 'jose';
import pg from 'pg';
import { measureBusy } from './busy.ts';
import { memoryOf } from './machine.ts';
import { revokeSteadily } from './revoke-steadily.ts';
import { cleanUp, directory, signal, started } from './started.ts';
import { percentile } from './statistics.ts';
import { steadily } from './steadily.ts';

const revocations = 1000;
const perSecond = 50;
const live = 100_000;
/** The load, requests per second: for tokens at each auth-server, and with tokens at each jobs-api. */
const load = { tokens: 25, calls: 100 };
const print = (line = '') => void process.stdout.write(`${line}\n`);
const ms = (value: number) => `${value.toFixed(1)} ms`;

const [authServer, batchProcessor, jobsApi] = [await freePort(), await freePort(), await freePort()];
const system = await started(
  startSystem({
    directory,
    ports: { authServer, batchProcessor, jobsApi },
    environment: { LOG_LEVEL: 'error', NODE_ENV: 'production' },
    signal,
    endsWithProcess: true,
  }),
);
const [authPort, jobsPort] = [await freePort(), await freePort()];
const issuers = [system.urls.issuer, `http://localhost:${authPort}`] as const;
const jobsApis = [system.urls.jobsApi, `http://localhost:${jobsPort}`] as const;
const replicas: Service[] = [
  await system.replica('auth-server', authPort),
  await system.replica('jobs-api', jobsPort, { ISSUER_ADDRESS: issuers[1] }),
];
for (const replica of replicas) {
  replica.start();
  await started(replica);
  await replica.ready();
}

const as = async (clientId: string) => basicCredentials(clientId, await system.secretOf(clientId));
const [batch, resourceServer] = [await as('batch-processor'), await as('jobs-api')];

async function post(url: string, form: Record<string, string>): Promise<Response> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: batch },
    body: new URLSearchParams(form),
  });
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  return response;
}
async function tokenFrom(issuer: string): Promise<string> {
  const response = await post(`${issuer}/oauth/token`, { grant_type: 'client_credentials' });
  return ((await response.json()) as { access_token: string }).access_token;
}
let calls = 0;
async function callJobs(url: string, token: string): Promise<number> {
  calls += 1;
  const response = await fetch(`${url}/jobs?limit=1`, { headers: { authorization: `Bearer ${token}` } });
  await response.arrayBuffer();
  return response.status;
}

const metricsOf = async ({ options }: Service) => (await fetch(`${options.managementUrl}/metrics`)).text();

/** Requests of the auth-servers so far, by route. */
async function requestsByRoute(): Promise<Record<string, number>> {
  const routes: Record<string, number> = {};
  for (const service of [system.services.authServer, replicas[0]!]) {
    const text = await metricsOf(service);
    for (const [, route, count] of text.matchAll(
      /^http_request_duration_seconds_count\{.*route="([^"]+)".*\} (\d+)$/gm,
    )) {
      routes[route!] = (routes[route!] ?? 0) + Number(count);
    }
  }
  return routes;
}

async function refusedWithin(token: string, jobsApi: string, acknowledged: number): Promise<number> {
  for (;;) {
    const status = await callJobs(jobsApi, token);
    const elapsed = performance.now() - acknowledged;
    if (status === 401) return elapsed;
    if (status !== 200) throw new Error(`jobs-api answered ${status}`);
    if (elapsed > 30_000) throw new Error('a revoked token was accepted for 30 seconds');
    await sleep(20);
  }
}

async function measureLatency(): Promise<number> {
  const tokens: string[] = [];
  while (tokens.length < revocations) {
    tokens.push(...(await Promise.all(Array.from({ length: 20 }, (_, i) => tokenFrom(issuers[i % 2]!)))));
  }
  const valid = await tokenFrom(issuers[0]);
  const tokenLoad = steadily(2 * load.tokens, async (index) => void (await tokenFrom(issuers[index % 2]!)));
  const callLoad = steadily(2 * load.calls, async (index) => {
    if ((await callJobs(jobsApis[index % 2]!, valid)) !== 200) throw new Error('refused');
  });
  await sleep(2000);
  const before = await requestsByRoute();
  calls = 0;
  const begun = performance.now();
  const { works, acknowledged, refused } = revokeSteadily(
    { issuers, jobsApis, post, refusedWithin },
    tokens,
    perSecond,
  );
  await Promise.all(works);
  const seconds = (performance.now() - begun) / 1000;
  const after = await requestsByRoute();
  const during = (route: string) => (after[route] ?? 0) - (before[route] ?? 0);
  await Promise.all([tokenLoad.stop(), callLoad.stop()]);
  const failures = tokenLoad.count.failed + callLoad.count.failed;
  const p99 = percentile(refused, 0.99);
  print(
    `${revocations} revocations in ${seconds.toFixed(1)} s, ${tokenLoad.count.succeeded} tokens and ${callLoad.count.succeeded} calls as load`,
  );
  print(`failures of the load                      ${failures}`);
  print(
    `revocation acknowledged, p50 / p99        ${ms(percentile(acknowledged, 0.5))} / ${ms(percentile(acknowledged, 0.99))}`,
  );
  print(`then refused at each jobs-api, p50        ${ms(percentile(refused, 0.5))}`);
  print(`                               p99        ${ms(p99)}   ${p99 < 1000 ? 'pass' : 'FAIL'}: below 1000`);
  print(`                               maximum    ${ms(Math.max(...refused))}`);
  // Every fetch of keys begins with the metadata; long polls at the JWK Set are in the background, not on a request's
  // path.
  const onThePath = ['/oauth/introspect', '/.well-known/oauth-authorization-server'];
  const fetched = onThePath.reduce((sum, route) => sum + during(route), 0);
  print(
    `${calls} calls of jobs-api: ${fetched} introspections and fetches of keys or metadata   ${fetched === 0 ? 'pass' : 'FAIL'}: 0`,
  );
  print(`lists that three resource servers took    ${during('/oauth/revocations')}`);
  return p99 < 1000 && fetched === 0 && failures === 0 ? 0 : 1;
}

async function measureSize(): Promise<void> {
  const token = await tokenFrom(issuers[0]);
  const keys = createLocalJWKSet((await (await fetch(`${issuers[0]}/.well-known/jwks.json`)).json()) as JSONWebKeySet);
  const owner = new pg.Client({ connectionString: system.databases.auth });
  await owner.connect();
  const memory = () => [system.services.authServer, system.services.jobsApi].map(({ pid }) => memoryOf(pid!));
  const [before, begun] = [memory(), performance.now()];
  await owner.query(
    `INSERT INTO revocation (sequence, kind, id, client_id, ends_at)
       SELECT number + (SELECT max(sequence) FROM revocation), 'jti', translate(encode(uuid_send(gen_random_uuid()), 'base64'), '+/=', '-_'), 'batch-processor',
              now() + random() * interval '600 seconds' + interval '300 seconds'
       FROM generate_series(1, $1::int) AS number`,
    [live],
  );
  await owner.end();
  while (!/lanyard_revocation_list_entries\{.*\} 10\d{4}/.test(await metricsOf(replicas[1]!))) {
    await sleep(20);
  }
  print();
  print(`${live} more at once: known to jobs-api after ${ms(performance.now() - begun)}`);
  const get = async (path: string) => {
    const start = performance.now();
    const response = await fetch(`${issuers[0]}${path}`, { headers: { authorization: resourceServer } });
    const text = await response.text();
    return { text, took: performance.now() - start };
  };
  /** The whole list, in its parts. */
  const getAll = async () => {
    const parts: Awaited<ReturnType<typeof get>>[] = [];
    for (let query = ''; ;) {
      const part = await get(`/oauth/revocations${query}`);
      parts.push(part);
      const { cursor, more } = decodeJwt<RevocationListClaims>(part.text);
      if (!more) return { parts, cursor, took: parts.reduce((sum, { took }) => sum + took, 0) };
      query = `?cursor=${cursor}`;
    }
  };
  const cold = await getAll();
  const warm = await getAll();
  const revoked = new RevokedTokens();
  let [taken, longest] = [0, 0];
  for (const { text } of cold.parts) {
    const start = performance.now();
    await revoked.addAll(revocationsIn(await validateRevocationList(text, keys, { issuer: system.urls.issuer })));
    const took = performance.now() - start;
    [taken, longest] = [taken + took, Math.max(longest, took)];
  }
  await post(`${issuers[0]}/oauth/revoke`, { token: await tokenFrom(issuers[0]) });
  const delta = await get(`/oauth/revocations?cursor=${cold.cursor}`);
  const characters = cold.parts.reduce((sum, { text }) => sum + text.length, 0);
  print(
    `the whole list                            ${(characters / 1e6).toFixed(2)} MB in ${cold.parts.length} parts, ${(characters / revoked.size).toFixed(1)} bytes an entry`,
  );
  print(`  made and signed once, then as it is     ${ms(cold.took)}, ${ms(warm.took)}`);
  print(`  validated and taken in, the longest     ${ms(taken)}, ${ms(longest)}`);
  print(`one more revocation                       ${delta.text.length} bytes, ${ms(delta.took)}`);

  const accessToken = await validateAccessToken(token, keys, {
    issuer: system.urls.issuer,
    audience: system.urls.jobsApi,
  });
  const lookup = (set: RevokedTokens) => {
    const rounds: number[] = [];
    for (let round = 0; round < 9; round++) {
      const from = performance.now();
      for (let i = 0; i < 1_000_000; i++) if (set.has(accessToken)) throw new Error('revoked');
      rounds.push((performance.now() - from) / 1000);
    }
    return percentile(rounds, 0.5);
  };
  const validations: number[] = [];
  for (let round = 0; round < 9; round++) {
    const from = performance.now();
    for (let i = 0; i < 500; i++) {
      await validateAccessToken(token, keys, { issuer: system.urls.issuer, audience: system.urls.jobsApi });
    }
    validations.push(((performance.now() - from) / 500) * 1000);
  }
  const [none, many] = [lookup(new RevokedTokens()), lookup(revoked)];
  const validation = percentile(validations, 0.5);
  print(
    `validation of a token, without / with     ${validation.toFixed(1)} µs / + ${many.toFixed(3)} µs (of none: ${none.toFixed(3)}); ${((many / validation) * 100).toFixed(2)} %`,
  );
  const after = memory();
  print(
    `memory of auth-server and jobs-api        + ${(after[0]! - before[0]!).toFixed(0)} and + ${(after[1]! - before[1]!).toFixed(0)} MB`,
  );
}

let code = 1;
try {
  if (process.argv.includes('--busy')) {
    code = await measureBusy({ system, issuers, jobsApis, tokenFrom, post, refusedWithin, print });
  } else {
    code = await measureLatency();
    await measureSize();
  }
} finally {
  await cleanUp();
}
process.exitCode = code;
