import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { call, counted, form } from '../http.ts';
import { quantile } from '../statistics.ts';
import type { Target } from '../target.ts';
import { grant, guess, observes, unknownClient, withNewClient } from '../attackers.ts';

export const rateLimits: Attack[] = [
  {
    name: 'guessing a secret',
    rule: '[throttled-failures, RFC 6749 §2.3.1]',
    tries: 'forty guesses at one client, one after the other and all at once',
    stoppedBy: 'after ten failures, the waiting time doubles with each further one; Retry-After states it',
    async run(target) {
      const clientId = unknownClient();
      const first = [];
      for (let i = 0; i < 20; i++) first.push(await guess(target, clientId));
      const rest = await Promise.all(Array.from({ length: 20 }, () => guess(target, clientId)));
      const answers = [...first, ...rest];
      const statuses = answers.map(({ status }) => status);
      if (await observes(target)) return `${counted(statuses)} (limits are only observed)`;
      const evaluated = statuses.filter((status) => status === 401).length;
      // Ten at each replica, until the replicas have notified each other.
      assert(evaluated <= 20, `${evaluated} of 40 guesses were evaluated`);
      const throttled = answers.filter(({ status }) => status === 429);
      assert(
        throttled.every(({ headers }) => Number(headers['retry-after']) > 0),
        'the refusals do not say how long to wait',
      );
      return `${counted(statuses)}, Retry-After: ${throttled.at(-1)?.headers['retry-after']}`;
    },
  },
  {
    name: 'locking a client out',
    rule: '[no-lock-out, Lanyard]',
    tries: 'guesses at a client until they are throttled, so that the client itself is refused',
    stoppedBy: 'a client is never throttled at an address from which it authenticated recently',
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
    tries: 'a client that requests tokens at ten times its quota, while another client requests some now and then',
    stoppedBy: 'a quota for each client, and fair scheduling between clients; Retry-After says how long to wait',
    needs: 'administrator',
    run: (target) =>
      withNewClient(target, 600, async ({ clientId, authorization }) => {
        const quiet = await requestNowAndThen(target, 3);
        const storm = startStorm(target, authorization);
        const meanwhile = await requestNowAndThen(target, 3).finally(storm.end);
        const statuses = await storm.statuses;
        const issued = statuses.filter((status) => status === 200).length;
        const isObserved = await observes(target);
        assert(
          isObserved || issued <= 300,
          `${clientId} got ${issued} tokens; each replica may issue 100 at once and 10 per second`,
        );
        assert(isObserved || statuses.includes(429), `nothing was refused: ${counted(statuses)}`);
        return `${counted(statuses)}; p99 of the other client: ${ms(quiet)} ms before, ${ms(meanwhile)} ms meanwhile`;
      }),
  },
  {
    name: 'a storm of revocations',
    rule: '[every-quota, Lanyard]',
    tries: 'a client that sends endless revocations, so that the server validates one token after the other',
    stoppedBy: 'a quota for each client at every endpoint, here 12,000 per minute; Retry-After says how long to wait',
    needs: 'administrator',
    run: (target) =>
      withNewClient(target, 60, async ({ authorization }) => {
        const revoke = () =>
          fetch(`${target.issuer}/oauth/revoke`, form({ token: 'x' }, { authorization }) as RequestInit);
        const answers: Response[] = [];
        const begun = performance.now();
        const seconds = () => (performance.now() - begun) / 1000;
        while (answers.at(-1)?.status !== 429 && seconds() < 30) {
          const next = await Promise.all(Array.from({ length: 50 }, revoke));
          await Promise.all(next.map((answer) => answer.text()));
          answers.push(...next.toSorted((one, other) => one.status - other.status));
        }
        const statuses = answers.map(({ status }) => status);
        assert(
          statuses.every((status) => status < 500),
          `the server is in trouble: ${counted(statuses)}`,
        );
        if (await observes(target)) return `${counted(statuses)} (limits are only observed)`;
        const answered = statuses.filter((status) => status === 200).length;
        assert(
          answered <= maxReplicas * (2000 + 200 * seconds()),
          `${answered} revocations were answered; each replica may answer 2000 at once and 200 per second`,
        );
        const refused = answers.filter(({ status }) => status === 429);
        assert(
          refused.every(({ headers }) => Number(headers.get('retry-after')) > 0),
          'the refusals do not say how long to wait',
        );
        return `${counted(statuses)} in ${seconds().toFixed(1)} s`;
      }),
  },
  {
    name: 'a flood of cursors',
    rule: '[few-signatures, Lanyard]',
    tries: 'a resource server that fetches the revocation list from 500 different cursors, to have each list signed',
    stoppedBy:
      'a cursor is rounded down to one of a few positions, so that few lists are signed and serve all requests',
    async run(target) {
      const authorization = target.authorizationOf('jobs-api');
      const lists = `${target.issuer}/oauth/revocations`;
      const begun = performance.now();
      const { text } = await call(lists, { headers: { authorization } });
      const cursor = Number(decodeJwt(text).cursor);
      const signatures = new Set<string>();
      for (let i = 0; i < 500; i += 10) {
        // At distances from 1 microsecond before the end to the whole list.
        const cursors = Array.from({ length: 10 }, (_, j) => Math.max(0, cursor - Math.floor(1.08 ** (i + j))));
        const answers = await Promise.all(
          cursors.map((after) => call(`${lists}?cursor=${after}`, { headers: { authorization } })),
        );
        const signed = answers.filter(({ status }) => status === 200);
        assert(signed.length > 0 || answers.every(({ status }) => status === 429), 'the list is not available');
        for (const answer of signed) signatures.add(answer.text);
      }
      // Each replica signs at most 7 lists per second for the latest entries, and one for each earlier part.
      const entries = await revocationsAt(target);
      const seconds = Math.ceil((performance.now() - begun) / 1000) + 1;
      const max = maxReplicas * (7 * seconds + entries / 10_000);
      assert(signatures.size <= max, `${signatures.size} lists were signed for 500 cursors in ${seconds} s`);
      return `${signatures.size} lists were signed for 500 cursors`;
    },
  },
];

/** The maximum number of replicas in the deployments attacked here. */
const maxReplicas = 3;

async function revocationsAt({ inspect }: Target): Promise<number> {
  const { text } = await inspect('auth-server', '/metrics');
  return Number(/^lanyard_revocations(?:\{[^}]*\})? (\d+)/m.exec(text)?.[1] ?? 0);
}

const ms = (durations: number[]) => quantile(durations, 0.99).toFixed(1);

/** Sends a hundred requests per second, until it is ended. */
function startStorm({ tokenEndpoint }: Target, authorization: string) {
  const ended = new AbortController();
  const storm = async () => {
    const statuses: number[] = [];
    while (!ended.signal.aborted) {
      const begun = performance.now();
      const one = () => call(tokenEndpoint, form(grant, { authorization }));
      statuses.push(...(await Promise.all(Array.from({ length: 10 }, one))).map(({ status }) => status));
      await sleep(Math.max(0, 100 - (performance.now() - begun)));
    }
    return statuses;
  };
  const statuses = storm();
  // Avoids an unhandled rejection; the caller awaits the promise and gets the error.
  statuses.catch(() => undefined);
  return { statuses, end: () => ended.abort() };
}

/** @returns the duration of each request, ms; all must succeed */
async function requestNowAndThen(target: Target, seconds: number): Promise<number[]> {
  const durations = [];
  const authorization = target.authorizationOf('batch-processor');
  for (const until = performance.now() + seconds * 1000; performance.now() < until; await sleep(10)) {
    const begun = performance.now();
    const { status } = await call(target.tokenEndpoint, form(grant, { authorization }));
    assert(status === 200, `a well-behaved client gets ${status}`);
    durations.push(performance.now() - begun);
  }
  return durations;
}
