import pg from 'pg';
import type { Effort } from '../effort.ts';
import { sendEvenly, type Stream } from '../even-load.ts';
import { atMost, digits, shown, type Findings } from '../report/report.ts';
import { clientIdOf, tokenRequests, type AuthServer } from '../servers.ts';
import { median, percentile, ratioOf } from '../statistics.ts';

/** The quota of the storming client per minute: the default of every client. */
const quota = 6000;

/** How many tokens the others request together per second. */
const others = 300;

/**
 * Measures how long other clients wait for a token while one client requests ten times its quota, and without that
 * storm, in alternating rounds.
 */
export async function measureStorm(
  server: AuthServer,
  { rounds, seconds }: NonNullable<Effort['storm']>,
  warmUp: number,
  progress: (text: string) => void,
): Promise<Findings> {
  const [innocent, storming] = [clientIdOf(1), clientIdOf(2)];
  await limit(server, storming);
  const innocents: Stream = { request: tokenRequests([innocent])[0]!, perSecond: others };
  const storm: Stream = { request: tokenRequests([storming])[0]!, perSecond: (10 * quota) / 60, refusal: 429 };
  progress('a storm of tokens: warming up');
  await sendEvenly(
    server,
    [
      { ...innocents, perSecond: 2000 },
      { ...storm, perSecond: 2000 },
    ],
    warmUp,
  );
  const quiet: number[][] = [];
  const stormy: number[][] = [];
  let [issued, refused] = [0, 0];
  for (let round = 1; round <= rounds; round++) {
    progress(`a storm of tokens: round ${round} of ${rounds}`);
    const [inQuiet] = await sendEvenly(server, [innocents], seconds);
    quiet.push(inQuiet!.latencies);
    const [inStorm, ofStorm] = await sendEvenly(server, [innocents, storm], seconds);
    stormy.push(inStorm!.latencies);
    issued += ofStorm!.statuses[200] ?? 0;
    refused += ofStorm!.statuses[429] ?? 0;
  }
  // The client gets a burst of ten seconds' quota, and then its rate.
  if (refused < issued) throw new Error(`there was no storm: ${issued} tokens, ${refused} refused`);
  const p99 = (found: number[][]) => found.map((round) => percentile(round, 0.99));
  const p50 = (found: number[][]) => median(found.map((round) => percentile(round, 0.5)));
  const ratio = ratioOf(p99(stormy), p99(quiet));
  const row = (what: string, found: number[][]) => ({
    what,
    value: `${digits(p50(found), 2)} / ${digits(median(p99(found)), 2)} ms`,
  });
  return {
    tables: [
      {
        title: `A storm of one client at ten times its quota: p50 / p99 of the others, medians of ${rounds} rounds`,
        rows: [
          row('quiet', quiet),
          row('storm', stormy),
          { what: 'answers to the storm', value: `${digits(issued)} tokens, ${digits(refused)} refused` },
        ],
      },
    ],
    budget: [atMost('p99 of others in a storm of one client, of quiet', ratio.median, 1.5, shown(ratio, 2))],
    figures: { 'p99 in a storm, ms': { quiet: p99(quiet), storm: p99(stormy), issued, refused } },
  };
}

async function limit({ databaseUrl }: AuthServer, clientId: string): Promise<void> {
  const owner = new pg.Client({ connectionString: databaseUrl });
  await owner.connect();
  await owner.query('UPDATE client SET tokens_per_minute = $1 WHERE client_id = $2', [quota, clientId]);
  await owner.end();
}
