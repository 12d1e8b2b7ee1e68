import { loadInTurn } from '../load.ts';
import { ratioOf } from '../statistics.ts';
import { atMost, digits, shown, shownRate, type Findings } from '../report/report.ts';
import { clientIdOf, tokenRequests, type AuthServer } from '../servers.ts';
import type { Effort } from '../effort.ts';

const connections = 32;
const callers = 10;

/** Measures the cost of a token with few and with many registered clients, and with few and many different callers. */
export async function measureClients(
  servers: AuthServer[],
  effort: Effort,
  progress: (text: string) => void,
): Promise<Findings> {
  // Different callers are spread over the whole registry.
  const registered = servers.map((server) => {
    const ids = Array.from({ length: callers }, (_, i) => clientIdOf(1 + Math.floor((i * server.clients) / callers)));
    return { ...server, requests: tokenRequests(ids) };
  });
  const rates = await loadInTurn(registered, { ...effort, connections, warmUp: effort.warmUp / 2 }, (round) =>
    progress(`registered clients: round ${round} of ${effort.rounds}`),
  );
  const [few, many] = [registered[0]!, registered.at(-1)!];
  const cost = ratioOf(rates[few.name]!.perSecond, rates[many.name]!.perSecond);

  const largest = servers.at(-1)!;
  const calling = effort.callers.map((count) => ({
    ...largest,
    name: `${digits(count)} callers`,
    requests: tokenRequests(Array.from({ length: count }, (_, i) => clientIdOf(i + 1))),
  }));
  const callerRates = await loadInTurn(calling, { ...effort, connections, warmUp: 1 }, (round) =>
    progress(`distinct callers: round ${round} of ${effort.rounds}`),
  );
  return {
    tables: [
      {
        title: `Tokens per second by registered clients, ${callers} of them calling`,
        rows: [
          ...registered.map(({ name, clients }) => ({
            what: `${digits(clients)} registered`,
            value: shownRate(rates[name]!),
          })),
          { what: `cost with ${digits(many.clients)} / with ${digits(few.clients)}`, value: shown(cost, 2) },
        ],
      },
      {
        title: `Tokens per second by callers, ${digits(largest.clients)} registered`,
        rows: calling.map(({ name }) => ({ what: name, value: shownRate(callerRates[name]!) })),
      },
    ],
    budget: [
      atMost(
        `cost of a token with ${digits(many.clients)} clients, of that with ${digits(few.clients)}`,
        cost.median,
        1.1,
        shown(cost, 2),
      ),
    ],
    figures: { 'tokens per second by registered clients': rates, 'tokens per second by callers': callerRates },
  };
}
