import type { Subject } from '../load.ts';
import { loadInTurn } from '../load.ts';
import { ratioOf, spreadOf } from '../statistics.ts';
import { atLeast, shown, shownRate, type Findings } from '../report/report.ts';
import type { Effort } from '../effort.ts';

const connections = 32;

/** Compares a protected route of the jobs API with the same route unprotected, and protected in the usual way. */
export async function measureProtectedRoute(
  { lanyard, unprotected, plain }: Record<'lanyard' | 'unprotected' | 'plain', Subject>,
  token: string,
  effort: Effort,
  progress: (text: string) => void,
): Promise<Findings> {
  const requests = [{ method: 'GET' as const, path: '/jobs?limit=1', headers: { authorization: `Bearer ${token}` } }];
  const subjects = [
    { ...unprotected, name: 'unprotected', requests },
    { ...lanyard, name: 'Lanyard', requests },
    { ...plain, name: 'jwtVerify per request', requests },
  ] as const;
  // V8 takes longer to compile TypeORM's code than the token endpoint's.
  const warmUp = effort.warmUp * 3;
  const rates = await loadInTurn([...subjects], { ...effort, connections, warmUp }, (round) =>
    progress(`protected route: round ${round} of ${effort.rounds}`),
  );
  const overUnprotected = ratioOf(rates.Lanyard.perSecond, rates.unprotected.perSecond);
  return {
    tables: [
      {
        title: `GET /jobs of the jobs API, requests per second, ${connections} connections`,
        rows: [
          ...subjects.map(({ name }) => ({ what: name, value: shownRate(rates[name]) })),
          { what: 'Lanyard / unprotected', value: shown(overUnprotected, 2) },
          {
            what: 'Lanyard / jwtVerify per request',
            value: shown(ratioOf(rates.Lanyard.perSecond, rates['jwtVerify per request'].perSecond), 2),
          },
        ],
      },
    ],
    budget: [atLeast('a protected route, of the same unprotected', overUnprotected, 0.9)],
    bars: subjects.map(({ name }) => ({
      group: 'GET /jobs per second',
      name,
      perSecond: spreadOf(rates[name].perSecond),
    })),
    figures: { 'GET /jobs per second': rates },
  };
}
