import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { basicCredentials } from '@lanyard/oauth-protocol';
import type { System } from '@lanyard/local-system';
import pg from 'pg';
import { revokeSteadily, type RevokingSystem } from './revoke-steadily.ts';
import { percentile } from './statistics.ts';

export interface BusySystem extends RevokingSystem {
  system: System;
  /** an access token of batch-processor */
  tokenFrom: (issuer: string) => Promise<string>;
  print: (line?: string) => void;
}

const clients = 2000;
const atATime = 30;
const revocations = 100;
const perSecond = 10;
/** How many clients are disabled, one per second. */
const disabled = 10;
/** How long to wait after a refused request, ms: a quarter of `Retry-After`. */
const retryDelay = 250;

interface Bulk {
  name: string;
  atATime: number;
  dryRun: boolean;
  /** an administrative scope that one file gives to its clients, and the next one takes from them */
  scope?: string;
}

/**
 * Measures how an administrator's bulk work affects revocation: revokes tokens and disables clients, first without
 * other load, then while one administrator keeps 30 requests with registry files of 2,000 clients in progress at both
 * replicas: dry runs, then changes of all clients, then changes that remove a scope from all of them, which revokes
 * their tokens.
 */
export async function measureBusy(busy: BusySystem): Promise<number> {
  const administrator = await administratorOf(busy);
  const begun = performance.now();
  await administrator.call('POST', '/admin/registry', await fileOf(administrator, 'first'));
  busy.print(`a file of ${clients} new clients applied in ${ms(performance.now() - begun)}`);
  await addSecrets(busy.system);
  const other = await clientOf(busy, administrator, { client_id: 'busy', scope: 'clients:write audit:read' });
  let passed = true;
  const phases: Bulk[] = [
    { name: 'registry files', atATime: 0, dryRun: true },
    { name: 'dry runs', atATime, dryRun: true },
    { name: 'changes', atATime, dryRun: false },
    { name: 'changes of scope', atATime, dryRun: false, scope: 'audit:read' },
  ];
  for (const [index, bulk] of phases.entries()) {
    passed = (await measureBulk(busy, administrator, other, bulk, index * disabled)) && passed;
  }
  return passed ? 0 : 1;
}

async function measureBulk(
  busy: BusySystem,
  administrator: Administrator,
  other: string,
  bulk: Bulk,
  firstVictim: number,
) {
  const { issuers, jobsApis, tokenFrom, refusedWithin, print } = busy;
  const victims: { id: string; token: string }[] = [];
  for (let i = 0; i < disabled; i++) {
    // A client that a file changes is locked until the file has been applied.
    const id = bulk.dryRun ? clientIdOf(firstVictim + i) : `other-${firstVictim + i}`;
    const scope = { scope: 'jobs:read', default_scope: 'jobs:read' };
    if (!bulk.dryRun) await administrator.call('POST', '/admin/clients', { client_id: id, ...scope });
    const added = await administrator.call('POST', `/admin/clients/${id}/secrets`, {});
    victims.push({ id, token: await tokenOf(issuers[0]!, id, ((await added.json()) as Secret).client_secret) });
  }
  const tokens = [];
  for (let i = 0; i < revocations; i++) tokens.push(await tokenFrom(issuers[i % 2]!));

  const bodies = await Promise.all(
    ['one', 'other'].map(async (name, index) =>
      Buffer.from(await fileOf(administrator, name, { ...bulk, ...(index === 0 && { scope: undefined }) })),
    ),
  );
  const stop = keepBusy(issuers, other, bodies, bulk.atATime);
  await sleep(2000);
  const answered: number[] = [];
  const statuses: Record<number, number> = {};
  const ended: number[] = [];
  const { works: revokeAll, acknowledged, refused } = revokeSteadily(busy, tokens, perSecond);
  const disableAll = victims.map(async ({ id, token }, index) => {
    await sleep(index * 1000 + 500);
    const sent = performance.now();
    const response = await administrator.ask('POST', `/admin/clients/${id}/disable`, undefined, issuers[index % 2]);
    await response.arrayBuffer();
    statuses[response.status] = (statuses[response.status] ?? 0) + 1;
    const now = performance.now();
    answered.push(now - sent);
    if (response.status !== 200) return;
    ended.push(...(await Promise.all(jobsApis.map((url) => refusedWithin(token, url, now)))));
  });
  const failures = (await Promise.allSettled([...revokeAll, ...disableAll])).filter(
    ({ status }) => status === 'rejected',
  );
  const answers = await stop();

  print();
  print(`${bulk.atATime} ${bulk.name} of ${clients} clients at a time, by one administrator, at both replicas`);
  const shown = Object.entries(answers).map(([status, { count, longest }]) => `${count} × ${status} (${ms(longest)})`);
  print(`  answers, the longest time of each       ${shown.join(', ') || '-'}`);
  const all = disabled === (statuses[200] ?? 0) && failures.length === 0;
  const row = (what: string, values: number[], limit?: number) => {
    const [p50, p99, longest] = [percentile(values, 0.5), percentile(values, 0.99), Math.max(...values)];
    const verdict = limit === undefined ? '' : `   ${p99 < limit ? 'pass' : 'FAIL'}: p99 below ${limit}`;
    print(`  ${what.padEnd(40)}${ms(p50).padStart(11)} ${ms(p99).padStart(11)} ${ms(longest).padStart(11)}${verdict}`);
    return limit === undefined || p99 < limit;
  };
  print(`  ${''.padEnd(40)}${'p50'.padStart(11)} ${'p99'.padStart(11)} ${'longest'.padStart(11)}`);
  row('a revocation acknowledged', acknowledged);
  const passed = [
    row('then refused at both jobs-apis', refused, 1000),
    row('clients disable answered', answered, 1000),
    row('then refused at both jobs-apis', ended, 1000),
  ];
  print(`  clients disable, by status              ${JSON.stringify(statuses)}`);
  print(`  all of it succeeded                     ${all ? 'pass' : `FAIL: ${failures.length} failures`}`);
  return all && passed.every(Boolean);
}

/** Sends the bodies to the replicas, both in turn, this many at a time, until it is stopped. */
function keepBusy(issuers: readonly string[], token: string, bodies: readonly Buffer<ArrayBuffer>[], atATime: number) {
  const answers: Record<string, { count: number; longest: number }> = {};
  const stopped = new AbortController();
  let sent = 0;
  const workers = Array.from({ length: atATime }, async () => {
    while (!stopped.signal.aborted) {
      const index = sent++;
      const begun = performance.now();
      const status = await fetch(`${issuers[index % issuers.length]}/admin/registry`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: bodies[(index >> 1) % bodies.length]!,
      })
        .then(async (response) => (await response.arrayBuffer(), String(response.status)))
        .catch(() => 'aborted');
      const answer = (answers[status] ??= { count: 0, longest: 0 });
      answer.count += 1;
      answer.longest = Math.max(answer.longest, performance.now() - begun);
      if (status !== '200') await sleep(retryDelay);
    }
  });
  return async () => {
    stopped.abort();
    await Promise.all(workers);
    return answers;
  };
}

const ms = (value: number) => `${value.toFixed(1)} ms`;
const clientIdOf = (index: number) => `bulk-${String(index).padStart(5, '0')}`;

interface Secret {
  client_secret: string;
}

async function tokenOf(issuer: string, clientId: string, secret: string): Promise<string> {
  const response = await fetch(`${issuer}/oauth/token`, {
    method: 'POST',
    headers: { authorization: basicCredentials(clientId, secret) },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  if (response.status !== 200) throw new Error(await response.text());
  return ((await response.json()) as { access_token: string }).access_token;
}

type Administrator = Awaited<ReturnType<typeof administratorOf>>;

/** Authenticates the first administrator with the one-time secret. */
async function administratorOf({ system, issuers }: BusySystem) {
  const secret = readFileSync(join(system.secretsDirectory, 'administrator/one_time_secret'), 'utf8');
  const token = await tokenOf(issuers[0]!, 'administrator', secret);
  const ask = (method: string, path: string, body?: unknown, issuer = issuers[0]!) =>
    fetch(`${issuer}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
  const call = async (method: string, path: string, body?: unknown) => {
    const response = await ask(method, path, body);
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response;
  };
  return { ask, call };
}

/** Adds a secret to each client of the files: without a secret, there is nothing to revoke. */
async function addSecrets({ databases }: System): Promise<void> {
  const owner = new pg.Client({ connectionString: databases.auth });
  await owner.connect();
  await owner.query(
    `INSERT INTO client_secret (client_id, digest, hint) SELECT client_id, sha256(client_id::bytea), 'none'
     FROM client WHERE client_id LIKE 'bulk-%'`,
  );
  await owner.end();
}

/** Registers a client. @returns its access token */
async function clientOf(
  { issuers }: BusySystem,
  administrator: Administrator,
  client: { client_id: string; scope: string },
) {
  const created = await administrator.call('POST', '/admin/clients', { ...client, default_scope: client.scope });
  return tokenOf(issuers[0]!, client.client_id, ((await created.json()) as Secret).client_secret);
}

/** The body of a request that applies a file with 2,000 clients. */
async function fileOf(
  { call }: Administrator,
  name: string,
  { dryRun = false, scope }: Partial<Bulk> = {},
): Promise<string> {
  const { items: resources } = (await (await call('GET', '/admin/resources')).json()) as { items: object[] };
  const registered = Array.from({ length: clients }, (_, index) => ({
    client_id: clientIdOf(index),
    client_name: `Client ${index}, ${name}`,
    scope: ['jobs:read', 'jobs:write', ...(scope === undefined ? [] : [scope])].join(' '),
    default_scope: 'jobs:read',
  }));
  return JSON.stringify({ registry: { resources, clients: registered }, dry_run: dryRun });
}
