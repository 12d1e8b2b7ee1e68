import autocannon from 'autocannon';
import { cores, cpuTimeOf, pin } from './machine.ts';

export interface Subject {
  name: string;
  url: string;
  pid: number;
}

/** One request, or several: each connection sends its share of them in turn. */
export type Requests = autocannon.Request[];

export interface Load {
  perSecond: number;
  /** the share of its core that the server used: if much less than all, the server was not the bottleneck */
  busy: number;
}

export type LoadOptions = { requests: Requests; connections: number } & (
  | { seconds: number }
  | { /** how many requests to send in total */ amount: number }
);

/** @throws if a response is not a success, or a request was not sent */
export async function load({ url, pid, name }: Subject, options: LoadOptions): Promise<Load> {
  const { requests, connections } = options;
  pin(pid, cores.measured);
  const [cpu, begun] = [cpuTimeOf(pid), performance.now()];
  let clients = 0;
  const running = autocannon({
    url,
    connections,
    requests: requests.slice(0, 1),
    ...('amount' in options ? { amount: options.amount } : { duration: options.seconds }),
    ...(requests.length >= connections && {
      setupClient: (client) => {
        const number = clients++;
        client.setRequests(requests.filter((_, i) => i % connections === number));
      },
    }),
  });
  const letSleep = stayAwake();
  const result = await Promise.resolve(running).finally(letSleep);
  const sent = 'amount' in options ? options.amount : 1;
  if (result.non2xx > 0 || result.errors > 0 || result['2xx'] < sent) {
    throw new Error(`${name}: ${result['2xx']} answered, ${result.non2xx} refused, ${result.errors} failed`);
  }
  const busy = (cpuTimeOf(pid) - cpu) / ((performance.now() - begun) / 1000);
  return { perSecond: result['2xx'] / result.duration, busy };
}

/**
 * Keeps the core of the load awake: if it sleeps, each response must wake it, which costs the server time.
 * @returns  a function that ends it
 */
function stayAwake(): () => void {
  let awake = true;
  const spin = () => void (awake && setImmediate(spin));
  spin();
  return () => void (awake = false);
}

/** The measurements of each round. */
export interface Rounds {
  perSecond: number[];
  busy: number[];
}

/** Loads several servers in turn, in many short rounds, after a warm-up of each. */
export async function loadInTurn<Name extends string>(
  subjects: (Subject & { name: Name; requests: Requests })[],
  options: { connections: number; seconds: number; rounds: number; warmUp: number },
  onRound: (round: number) => void = () => undefined,
): Promise<Record<Name, Rounds>> {
  const { connections, seconds, rounds, warmUp } = options;
  const found = Object.fromEntries(
    subjects.map(({ name }) => [name, { perSecond: [], busy: [] } satisfies Rounds]),
  ) as unknown as Record<Name, Rounds>;
  for (const subject of subjects) await load(subject, { requests: subject.requests, connections, seconds: warmUp });
  for (let round = 0; round < rounds; round++) {
    // Each subject is first as often as last.
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      const { perSecond, busy } = await load(subject, { requests: subject.requests, connections, seconds });
      found[subject.name].perSecond.push(perSecond);
      found[subject.name].busy.push(busy);
    }
    onRound(round + 1);
  }
  return found;
}
