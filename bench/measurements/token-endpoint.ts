import { loadInTurn, type Requests, type Subject } from '../load.ts';
import { ratioOf, spreadOf } from '../statistics.ts';
import { atLeast, shown, shownRate, type Bar, type BudgetLine, type Findings, type Table } from '../report/report.ts';
import { clientIdOf, requireSameTokens, tokenRequests } from '../servers.ts';
import type { Effort } from '../effort.ts';
import { measureHalfLoad } from './half-load.ts';

/** The concurrency at which the budget holds. */
const budgeted = 32;

/** The floor with the batching per tick of Lanyard's services. */
const inTurns = 'floor, in turns' as const;
type Name = 'floor' | 'Lanyard' | typeof inTurns | 'node-oidc-provider';

/** Compares the token endpoint with its floor and its peer at several concurrencies; also its latency at half load. */
export async function measureTokenEndpoint(
  {
    authServer,
    floor,
    floorInTurns,
    peer,
  }: Record<'authServer' | 'floor' | 'peer', Subject> & { floorInTurns?: Subject },
  effort: Effort,
  progress: (text: string) => void,
): Promise<Findings> {
  const requests = tokenRequests([clientIdOf(1)]);
  const subjects: (Subject & { name: Name; requests: Requests })[] = [
    { ...floor, name: 'floor', requests },
    { ...authServer, name: 'Lanyard', requests },
    ...(floorInTurns ? [{ ...floorInTurns, name: inTurns, requests }] : []),
    { ...peer, name: 'node-oidc-provider', requests },
  ];
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
        ...(floorInTurns
          ? [
              {
                what: `Lanyard / ${inTurns}`,
                value: shown(ratioOf(rates.Lanyard.perSecond, rates[inTurns].perSecond), 2),
              },
            ]
          : []),
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
  if (!effort.halfLoad) return { tables, budget, bars, figures };
  const maxRate = (name: string) => bars.find((bar) => bar.name === name)!.perSecond.median;
  const loaded = subjects.map((subject) => ({ ...subject, maxRate: maxRate(subject.name) }));
  const halfLoad = await measureHalfLoad(loaded, effort.halfLoad, progress);
  return { tables: [...tables, ...halfLoad.tables], budget, bars, figures: { ...figures, ...halfLoad.figures } };
}
