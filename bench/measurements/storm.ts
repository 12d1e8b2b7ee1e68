import { connect } from 'node:net';
import pg from 'pg';
import type { Effort } from '../effort.ts';
import { sendEvenly, type Requests } from '../load.ts';
import { atMost, digits, shown, type Findings } from '../report/report.ts';
import { clientIdOf, tokenRequests, type AuthServer } from '../servers.ts';
import { median, percentile, ratioOf } from '../statistics.ts';

/** Of the client that storms, a minute: what every client has by default. */
const quota = 6000;

/** What the others ask for together, a second. */
const others = 300;

/** How long other clients wait for a token while one asks for ten times its quota, beside quiet, in rounds in turn. */
export async function measureStorm(
  server: AuthServer,
  { rounds, seconds }: NonNullable<Effort['storm']>,
  progress: (text: string) => void,
): Promise<Findings> {
  const [innocent, storming] = [clientIdOf(1), clientIdOf(2)];
  await limit(server, storming);
  const latencies = () => sendEvenly(server, tokenRequests([innocent]), others, seconds);
  const quiet: number[][] = [];
  const stormy: number[][] = [];
  let [issued, refused] = [0, 0];
  await latencies();
  for (let round = 1; round <= rounds; round++) {
    progress(`a storm of tokens: round ${round} of ${rounds}`);
    quiet.push(await latencies());
    const storm = startStorm(server, tokenRequests([storming]), (10 * quota) / 60);
    stormy.push(await latencies());
    const found = storm.end();
    issued += found.issued;
    refused += found.refused;
  }
  // Ten seconds' worth at once, and then as many as are due.
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

/**
 * Sends requests evenly on connections of its own, as bytes: a client that makes and reads them as it should would take the
 * load as much time as the server, and others would seem to wait for that.
 */
function startStorm({ url }: AuthServer, [{ path, headers, body } = {}]: Requests, perSecond: number) {
  const { host, hostname, port } = new URL(url);
  const fields = Object.entries({ host, ...headers, 'content-length': String(body).length });
  const head = fields.map(([name, value]) => `${name}: ${String(value)}\r\n`).join('');
  const bytes = `POST ${path} HTTP/1.1\r\n${head}\r\n${String(body)}`;
  const found = { issued: 0, refused: 0 };
  const sockets = Array.from({ length: 32 }, () => {
    const socket = connect(Number(port), hostname).setNoDelay(true).setEncoding('latin1');
    return socket.on('data', (text) => {
      found.issued += String(text).split('HTTP/1.1 200').length - 1;
      found.refused += String(text).split('HTTP/1.1 429').length - 1;
    });
  });
  let sent = 0;
  const begun = performance.now();
  const send = () => {
    for (; sent < ((performance.now() - begun) / 1000) * perSecond; sent++)
      sockets[sent % sockets.length]!.write(bytes);
  };
  const timer = setInterval(send, 1);
  const end = () => {
    clearInterval(timer);
    for (const socket of sockets) socket.destroy();
    return found;
  };
  return { end };
}

async function limit({ databaseUrl }: AuthServer, clientId: string): Promise<void> {
  const owner = new pg.Client({ connectionString: databaseUrl });
  await owner.connect();
  await owner.query('UPDATE client SET tokens_per_minute = $1 WHERE client_id = $2', [quota, clientId]);
  await owner.end();
}
