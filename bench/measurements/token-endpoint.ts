import { loadInTurn, sendEvenly, type Subject } from '../load.ts';
import { ratioOf, percentile, spreadOf } from '../statistics.ts';
import {
  atLeast,
  digits,
  shown,
  shownRate,
  type Bar,
  type BudgetLine,
  type Findings,
  type Table,
} from '../report/report.ts';
import { clientIdOf, requireSameTokens, tokenRequests } from '../servers.ts';
import type { Effort } from '../effort.ts';

/** The concurrency at which the budget holds. */
const budgeted = 32;

/** The token endpoint beside its floor and its peer, at several concurrencies, and how long a token takes at half load. */
export async function measureTokenEndpoint(
  { authServer, floor, peer }: Record<'authServer' | 'floor' | 'peer', Subject>,
  effort: Effort,
  progress: (text: string) => void,
): Promise<Findings> {
  const requests = tokenRequests([clientIdOf(1)]);
  const subjects = [
    { ...floor, name: 'floor', requests },
    { ...authServer, name: 'Lanyard', requests },
    { ...peer, name: 'node-oidc-provider', requests },
  ] as const;
  await requireSameTokens(subjects, requests);
  const tables: Table[] = [];
  const bars: Bar[] = [];
  const budget: BudgetLine[] = [];
  const figures: Record<string, unknown> = {};
  for (const connections of effort.concurrencies) {
    const warmUp = tables.length === 0 ? effort.warmUp : 1;
    const rates = await loadInTurn([...subjects], { ...effort, connections, warmUp }, (round) =>
      progress(`token endpoint, ${connections} connections: round ${round} of ${effort.rounds}`),
    );
    const overFloor = ratioOf(rates.Lanyard.perSecond, rates.floor.perSecond);
    const peerRates = rates['node-oidc-provider'].perSecond;
    const overPeer = ratioOf(rates.Lanyard.perSecond, peerRates);
    tables.push({
      title: `Tokens per second, ${connections} connections: median of ${effort.rounds} rounds (middle half)`,
      rows: [
        ...subjects.map(({ name }) => ({ what: name, value: shownRate(rates[name]) })),
        { what: 'Lanyard / floor', value: shown(overFloor, 2) },
        { what: 'Lanyard / node-oidc-provider', value: shown(overPeer, 2) },
        { what: 'floor / node-oidc-provider', value: shown(ratioOf(rates.floor.perSecond, peerRates), 2) },
      ],
    });
    figures[`tokens per second, ${connections} connections`] = rates;
    if (connections !== budgeted) continue;
    budget.push(
      atLeast('token endpoint, of the floor', overFloor, 0.8),
      atLeast('token endpoint, of node-oidc-provider (goal 3)', overPeer, 2.5),
    );
    for (const { name } of subjects) {
      bars.push({ group: 'Tokens per second', name, perSecond: spreadOf(rates[name].perSecond) });
    }
  }
  const rows = [];
  for (const subject of subjects) {
    progress(`token endpoint at half load: ${subject.name}`);
    const bar = bars.find(({ name }) => name === subject.name)!;
    const rate = Math.round(bar.perSecond.median / 2);
    const latencies = await sendEvenly(subject, requests, rate, effort.halfLoadSeconds);
    const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => percentile(latencies, share)) as [
      number,
      number,
      number,
    ];
    rows.push({
      what: `${subject.name}, ${digits(rate)} per second`,
      value: `${digits(p50, 2)} / ${digits(p99, 2)} / ${digits(p999, 2)} ms`,
    });
    figures[`latency at half load, ${subject.name}`] = { rate, p50, p99, p999 };
  }
  tables.push({ title: 'Latency at half load: p50 / p99 / p99.9', rows });
  return { tables, budget, bars, figures };
}
