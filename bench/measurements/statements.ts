import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { load } from '../load.ts';
import { atMost, digits, type Findings } from '../report/report.ts';
import { clientIdOf, tokenRequests, type AuthServer } from '../servers.ts';

/** A Postgres backend reports its statistics after at most ten seconds; ms. */
const statisticsDelay = 11_000;

/** Counts database transactions while tokens are issued, and for the same time without load. */
export async function measureStatements(
  server: AuthServer,
  seconds: number,
  progress: (text: string) => void,
): Promise<Findings> {
  const database = new pg.Client({ connectionString: server.databaseUrl });
  await database.connect();
  const transactions = async () => {
    progress('database transactions per token: waiting for the count');
    await sleep(statisticsDelay);
    const { rows } = await database.query<{ count: string }>(
      'SELECT xact_commit + xact_rollback AS count FROM pg_stat_database WHERE datname = current_database()',
    );
    return Number(rows[0]!.count);
  };
  try {
    const before = await transactions();
    progress('database transactions per token: without load');
    await sleep(seconds * 1000);
    const between = await transactions();
    progress('database transactions per token: under load');
    const requests = tokenRequests([clientIdOf(1)]);
    const { perSecond } = await load(server, { requests, connections: 32, seconds });
    const after = await transactions();
    const [idle, loaded, tokens] = [between - before, after - between, Math.round(perSecond * seconds)];
    const perToken = Math.max(0, loaded - idle) / tokens;
    return {
      tables: [
        {
          title: `Database transactions within ${seconds + statisticsDelay / 1000} seconds`,
          rows: [
            { what: 'without load', value: digits(idle) },
            { what: `while ${digits(tokens)} tokens were issued`, value: digits(loaded) },
          ],
        },
      ],
      // Batched writes, such as the times when secrets were last used, do not grow with the number of tokens.
      budget: [atMost('database transactions per token', perToken, 0.001, digits(perToken, 5))],
      figures: { 'database transactions': { idle, loaded, tokens } },
    };
  } finally {
    await database.end();
  }
}
