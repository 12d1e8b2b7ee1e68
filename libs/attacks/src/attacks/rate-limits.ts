import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { call, counted, form } from '../http.ts';
import { quantile } from '../statistics.ts';
import type { Target } from '../target.ts';
import { clientOfItsOwn, grant, guess, observes, unknownClient } from '../attackers.ts';

export const rateLimits: Attack[] = [
  {
    name: 'guessing a secret',
    rule: '[throttled-failures, RFC 6749 §2.3.1]',
    tries: 'forty guesses at one client, one after the other and all at once',
    stoppedBy: 'after ten failures, each further one costs twice as long; Retry-After says how long',
    async run(target) {
      const clientId = unknownClient();
      const first = [];
      for (let i = 0; i < 20; i++) first.push(await guess(target, clientId));
      const rest = await Promise.all(Array.from({ length: 20 }, () => guess(target, clientId)));
      const answers = [...first, ...rest];
      const statuses = answers.map(({ status }) => status);
      if (await observes(target)) return `${counted(statuses)} (limits are only observed)`;
      const heard = statuses.filter((status) => status === 401).length;
      // Ten at each replica, until they have told each other.
      assert(heard <= 20, `${heard} of 40 guesses were heard`);
      const throttled = answers.filter(({ status }) => status === 429);
      assert(
        throttled.every(({ headers }) => Number(headers['retry-after']) > 0),
        'nobody is told for how long to wait',
      );
      return `${counted(statuses)}, Retry-After: ${throttled.at(-1)?.headers['retry-after']}`;
    },
  },
  {
    name: 'locking a client out',
    rule: '[no-lock-out, Lanyard]',
    tries: 'guesses at a client until they are throttled, so that it is refused itself',
    stoppedBy: 'where a client authenticated lately it is heard, whatever is counted; elsewhere nothing is counted',
    async run(target) {
      await target.freshTokenOf('report-generator');
      const statuses = [];
      for (let i = 0; i < 14; i++) statuses.push((await guess(target, 'report-generator')).status);
      await target.freshTokenOf('report-generator');
      return `${counted(statuses)}; then 200 for the right secret`;
    },
  },
  {
    name: 'a storm of tokens',
    rule: '[client-quota, Lanyard]',
    tries: 'a client that asks for tokens at ten times its quota, while another one asks now and then',
    stoppedBy: 'a quota for each client, and turns within it; Retry-After says how long to wait',
    needs: 'administrator',
    async run(target) {
      const { clientId, authorization, remove } = await clientOfItsOwn(target, 600);
      try {
        const quiet = await askNowAndThen(target, 3);
        const storm = startStorm(target, authorization);
        const meanwhile = await askNowAndThen(target, 3).finally(storm.end);
        const statuses = await storm.statuses;
        const issued = statuses.filter((status) => status === 200).length;
        const isObserved = await observes(target);
        assert(
          isObserved || issued <= 300,
          `${clientId} got ${issued} tokens, where 100 at once and 10 a second are due at each replica`,
        );
        assert(isObserved || statuses.includes(429), `nothing was refused: ${counted(statuses)}`);
        return `${counted(statuses)}; p99 of the other client: ${ms(quiet)} ms before, ${ms(meanwhile)} ms meanwhile`;
      } finally {
        await remove();
      }
    },
  },
  {
    name: 'a storm of revocations',
    rule: '[every-quota, Lanyard]',
    tries: 'a client that revokes without end, and so makes the server validate one token after the other',
    stoppedBy: 'a quota for each client at every endpoint, 12,000 a minute here; Retry-After says how long to wait',
    needs: 'administrator',
    async run(target) {
      const { authorization, remove } = await clientOfItsOwn(target, 60);
      const revoke = () =>
        fetch(`${target.issuer}/oauth/revoke`, form({ token: 'x' }, { authorization }) as RequestInit);
      const answers: Response[] = [];
      const begun = performance.now();
      const seconds = () => (performance.now() - begun) / 1000;
      try {
        while (answers.at(-1)?.status !== 429 && seconds() < 30) {
          const next = await Promise.all(Array.from({ length: 50 }, revoke));
          await Promise.all(next.map((answer) => answer.text()));
          answers.push(...next.toSorted((one, other) => one.status - other.status));
        }
      } finally {
        await remove();
      }
      const statuses = answers.map(({ status }) => status);
      assert(
        statuses.every((status) => status < 500),
        `the server is in trouble: ${counted(statuses)}`,
      );
      if (await observes(target)) return `${counted(statuses)} (limits are only observed)`;
      const heard = statuses.filter((status) => status === 200).length;
      assert(
        heard <= replicasAtMost * (2000 + 200 * seconds()),
        `${heard} revocations were answered, where 2000 at once and 200 a second are due at each replica`,
      );
      const refused = answers.filter(({ status }) => status === 429);
      assert(
        refused.every(({ headers }) => Number(headers.get('retry-after')) > 0),
        'it does not say how long to wait',
      );
      return `${counted(statuses)} in ${seconds().toFixed(1)} s`;
    },
  },
  {
    name: 'a flood of cursors',
    rule: '[few-signatures, Lanyard]',
    tries:
      'a resource server that asks for the list of revocations from 500 different cursors, to have each list signed',
    stoppedBy: 'a cursor is rounded down to one of a few places: few lists are signed, and they serve for all',
    async run(target) {
      const authorization = target.authorizationOf('jobs-api');
      const lists = `${target.issuer}/oauth/revocations`;
      const begun = performance.now();
      const { text } = await call(lists, { headers: { authorization } });
      const cursor = Number(decodeJwt(text).cursor);
      const signatures = new Set<string>();
      for (let i = 0; i < 500; i += 10) {
        // At any distance from the end: 1 microsecond, up to all of it.
        const cursors = Array.from({ length: 10 }, (_, j) => Math.max(0, cursor - Math.floor(1.08 ** (i + j))));
        const answers = await Promise.all(
          cursors.map((after) => call(`${lists}?cursor=${after}`, { headers: { authorization } })),
        );
        const signed = answers.filter(({ status }) => status === 200);
        assert(signed.length > 0 || answers.every(({ status }) => status === 429), 'the list cannot be had');
        for (const answer of signed) signatures.add(answer.text);
      }
      // At each of two replicas or so: of the last entries 7 lists, and of each earlier part one.
      const entries = await revocationsAt(target);
      const seconds = Math.ceil((performance.now() - begun) / 1000) + 1;
      const most = replicasAtMost * (7 * seconds + entries / 10_000);
      assert(signatures.size <= most, `${signatures.size} lists were signed for 500 cursors in ${seconds} s`);
      return `${signatures.size} lists were signed for 500 cursors`;
    },
  },
];

/** How many replicas a deployment has here at most. */
const replicasAtMost = 3;

async function revocationsAt({ inspect }: Target): Promise<number> {
  const { text } = await inspect('auth-server', '/metrics');
  return Number(/^lanyard_revocations(?:\{[^}]*\})? (\d+)/m.exec(text)?.[1] ?? 0);
}

const ms = (durations: number[]) => quantile(durations, 0.99).toFixed(1);

/** A hundred requests a second, until its end. */
function startStorm({ tokenEndpoint }: Target, authorization: string) {
  const ended = new AbortController();
  const blow = async () => {
    const statuses: number[] = [];
    while (!ended.signal.aborted) {
      const begun = performance.now();
      const one = () => call(tokenEndpoint, form(grant, { authorization }));
      statuses.push(...(await Promise.all(Array.from({ length: 10 }, one))).map(({ status }) => status));
      await sleep(Math.max(0, 100 - (performance.now() - begun)));
    }
    return statuses;
  };
  const statuses = blow();
  // Told to whoever awaits it.
  statuses.catch(() => undefined);
  return { statuses, end: () => ended.abort() };
}

/** @returns how long each took, ms; all must succeed */
async function askNowAndThen(target: Target, seconds: number): Promise<number[]> {
  const durations = [];
  const authorization = target.authorizationOf('batch-processor');
  for (const until = performance.now() + seconds * 1000; performance.now() < until; await sleep(10)) {
    const begun = performance.now();
    const { status } = await call(target.tokenEndpoint, form(grant, { authorization }));
    assert(status === 200, `a client that does nothing wrong gets ${status}`);
    durations.push(performance.now() - begun);
  }
  return durations;
}
