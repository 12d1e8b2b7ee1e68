/**
 * What 100,000 registered clients cost against 10: tokens per second, memory, the time of a page of the list. Ratios of
 * rounds in turn, in one run; the server has a processor of its own. `npm run bench:registry`, Linux.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync, chmodSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { createDatabase, startEmbeddedPostgres } from '@lanyard/testing/embedded-postgres';
import autocannon from 'autocannon';
import pg from 'pg';
import { freePort, Service } from '@lanyard/tools/system';

const rounds = 7;
const roundSeconds = 4;
const callers = 10;
const connections = 32;
const print = (line: string) => void process.stdout.write(`${line}\n`);
const repository = new URL('..', import.meta.url).pathname;
const directory = mkdtempSync(join(tmpdir(), 'lanyard-bench-'));
chmodSync(directory, 0o711);

const secretOf = (clientId: string) => createHash('sha256').update(`bench ${clientId}`).digest('base64url');
const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
const spread = (values: number[]) => `${Math.min(...values).toFixed(0)}–${Math.max(...values).toFixed(0)}`;

async function startServer(count: number, postgres: string) {
  const database = await createDatabase(postgres, `bench_${count}`);
  const secrets = join(directory, `secrets-${count}`);
  mkdirSync(secrets);
  const file = join(directory, 'empty.yaml');
  writeFileSync(
    file,
    'resources:\n  - identifier: https://bench.example\n    name: Bench\n    scopes: { bench: Bench }\n',
  );
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const environment = {
    DATABASE_URL: database.url,
    MIGRATION_DATABASE_URL: database.ownerUrl,
    KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    PROVISIONING_FILE: file,
    SECRETS_DIRECTORY: secrets,
    ISSUER: url,
    PORT: String(port),
    LOG_LEVEL: 'warn',
    NODE_ENV: 'production',
  };
  const program = (name: string, address?: string) =>
    new Service({
      name,
      command: [join(repository, `apps/auth-server/dist/${name}.js`)],
      environment,
      directory: repository,
      url: address,
    });
  const migration = program('migrate');
  migration.start();
  await migration.finished();
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  await owner.query(
    `INSERT INTO client (client_id, client_name, grant_types, scope, default_scope)
       SELECT 'client-' || lpad(i::text, 6, '0'), 'Client ' || i, '{client_credentials}', '{bench}', '{bench}'
       FROM generate_series(1, $1::int) i`,
    [count],
  );
  await owner.query(`
    INSERT INTO client_secret (client_id, digest, hint)
      SELECT client_id, sha256(rtrim(translate(encode(sha256(convert_to('bench ' || client_id, 'UTF8')), 'base64'), '+/', '-_'), '=')::bytea), 'xxxx'
      FROM client WHERE client_id LIKE 'client-%'`);
  await owner.query('ANALYZE');
  await owner.end();
  const server = program('main', url);
  server.start();
  await server.ready();
  spawnSync('taskset', ['-a', '-c', '-p', '0', String(server.pid)]);
  return { count, url, server, secrets };
}
type Server = Awaited<ReturnType<typeof startServer>>;

const idOf = (number: number) => `client-${String(number).padStart(6, '0')}`;

/** Tokens per second for some clients in turn. */
async function load(server: Server, ids: string[], options: Partial<autocannon.Options>): Promise<number> {
  const requests = ids.map((id) => ({
    method: 'POST' as const,
    path: '/oauth/token',
    headers: { authorization: basic(id, secretOf(id)), 'content-type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=client_credentials',
  }));
  const result = await autocannon({ url: server.url, connections, requests, ...options });
  if (result.non2xx > 0 || result.errors > 0) throw new Error(`${result.non2xx} refused, ${result.errors} errors`);
  return result['2xx'] / result.duration;
}

const memoryOf = (server: Server) =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.server.pid}/status`, 'utf8'))?.[1]) / 1024;

async function tokenOfAdministrator(server: Server): Promise<string> {
  const secret = readFileSync(join(server.secrets, 'administrator/one_time_secret'), 'utf8');
  const response = await fetch(`${server.url}/oauth/token`, {
    method: 'POST',
    headers: { authorization: basic('administrator', secret) },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

/** Median time of a page after this client, ms. */
async function pageTime(server: Server, token: string, after: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 100; i++) {
    const begun = performance.now();
    const query = `limit=100${after > 0 ? `&after=${idOf(after)}` : ''}`;
    const response = await fetch(`${server.url}/admin/clients?${query}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const { items } = (await response.json()) as { items: object[] };
    if (items.length === 0) throw new Error('an empty page');
    times.push(performance.now() - begun);
  }
  return median(times);
}

spawnSync('taskset', ['-a', '-c', '-p', '1', String(process.pid)]);
const postgres = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
const servers: Server[] = [];
try {
  for (const count of [10, 100_000]) servers.push(await startServer(count, postgres.url));
  const [few, many] = servers as [Server, Server];
  const ids = Array.from({ length: callers }, (_, i) => idOf(i + 1));
  const manyIds = Array.from({ length: callers }, (_, i) => idOf((i + 1) * 9_999));
  print(
    `memory after start: ${memoryOf(few).toFixed(0)} MB with 10 clients, ${memoryOf(many).toFixed(0)} MB with 100,000`,
  );

  for (const [server, callerIds] of [
    [few, ids],
    [many, manyIds],
  ] as const)
    await load(server, callerIds, { duration: roundSeconds });
  const rates = new Map<Server, number[]>([
    [few, []],
    [many, []],
  ]);
  for (let round = 0; round < rounds; round++) {
    for (const server of round % 2 === 0 ? [few, many] : [many, few]) {
      rates.get(server)!.push(await load(server, server === few ? ids : manyIds, { duration: roundSeconds }));
    }
  }
  const [a, b] = [rates.get(few)!, rates.get(many)!];
  print(
    `tokens/s, median of ${rounds} rounds in turn, ${connections} connections: ${median(a).toFixed(0)} (${spread(a)}) with 10 clients, ${median(b).toFixed(0)} (${spread(b)}) with 100,000`,
  );
  print(
    `ratio: ${(median(b) / median(a)).toFixed(3)} (at least 0.9: ${median(b) / median(a) >= 0.9 ? 'pass' : 'FAIL'})`,
  );

  const token = await tokenOfAdministrator(many);
  const pages = [];
  for (const after of [0, 25_000, 50_000, 75_000, 99_900])
    pages.push(`${(await pageTime(many, token, after)).toFixed(1)} ms after ${after}`);
  print(`a page of 100 of 100,000 clients: ${pages.join(', ')}`);

  for (const upTo of [20_000, 60_000, 100_000]) {
    const from = upTo === 20_000 ? 0 : upTo - 40_000;
    const all = Array.from({ length: upTo - from }, (_, i) => idOf(from + i + 1));
    // Each connection goes through the whole list by itself: a share of it for each.
    const share = Math.ceil(all.length / 8);
    await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        load(many, all.slice(i * share, (i + 1) * share), { connections: 1, amount: share }),
      ),
    );
    print(`memory after tokens for ${upTo} different clients: ${memoryOf(many).toFixed(0)} MB`);
  }
} finally {
  for (const { server } of servers) await server.stop();
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
}
