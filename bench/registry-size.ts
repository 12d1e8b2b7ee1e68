/**
 * Measures the cost of 100,000 registered clients, except their tokens (which `npm run bench` measures): memory, and
 * the time of a page of the list. `npm run bench:registry`, Linux.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { basicCredentials } from '@lanyard/oauth-protocol';
import { startEmbeddedPostgres } from '@lanyard/embedded-postgres';
import { load } from './load.ts';
import { memoryOf, requireCores } from './machine.ts';
import { printTable } from './report/print.ts';
import { digits, type Row } from './report/report.ts';
import { clientIdOf, startAuthServer, tokenRequests, type AuthServer } from './servers.ts';
import { cleanUp, directory, running, started } from './started.ts';
import { median } from './statistics.ts';

const registered = 100_000;

async function tokenOfAdministrator({ url, secrets }: AuthServer): Promise<string> {
  const secret = readFileSync(join(secrets, 'administrator/one_time_secret'), 'utf8');
  const response = await fetch(`${url}/oauth/token`, {
    method: 'POST',
    headers: { authorization: basicCredentials('administrator', secret) },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

/** Median time of a page after this client, ms. */
async function pageTime({ url }: AuthServer, token: string, after: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 100; i++) {
    const begun = performance.now();
    const query = `limit=100${after > 0 ? `&after=${clientIdOf(after)}` : ''}`;
    const response = await fetch(`${url}/admin/clients?${query}`, { headers: { authorization: `Bearer ${token}` } });
    const { items } = (await response.json()) as { items: object[] };
    if (items.length === 0) throw new Error('an empty page');
    times.push(performance.now() - begun);
  }
  return median(times);
}

requireCores();
try {
  const postgres = await started(
    startEmbeddedPostgres({ directory: join(directory, 'postgres'), endsWithProcess: true }),
  );
  const few = await running(startAuthServer(directory, postgres.url, 10));
  const many = await running(startAuthServer(directory, postgres.url, registered));
  const memory: Row[] = [
    { what: 'after start, 10 clients', value: `${digits(memoryOf(few.pid))} MB` },
    { what: `after start, ${digits(registered)} clients`, value: `${digits(memoryOf(many.pid))} MB` },
  ];
  const token = await tokenOfAdministrator(many);
  const pages: Row[] = [];
  for (const after of [0, 25_000, 50_000, 75_000, 99_900]) {
    pages.push({ what: `after ${digits(after)}`, value: `${digits(await pageTime(many, token, after), 1)} ms` });
  }
  printTable({ title: `A page of 100 of ${digits(registered)} clients`, rows: pages });

  const share = 20_000;
  for (let from = 0; from < registered; from += share) {
    const requests = tokenRequests(Array.from({ length: share }, (_, i) => clientIdOf(from + i + 1)));
    await load(many, { requests, connections: 10, amount: share });
    const what = `after tokens for ${digits(from + share)} clients`;
    memory.push({ what, value: `${digits(memoryOf(many.pid))} MB` });
  }
  printTable({ title: 'Memory of the authorization server', rows: memory });
} finally {
  await cleanUp();
}
