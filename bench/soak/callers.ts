import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Answer {
  status: number;
  body: string;
}

/** How long a caller retries if a service is away or answers 503, ms: replicas restart, connections are cut. */
const retryTimeout = 15_000;

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

function send(url: string, init: { method?: string; headers: Record<string, string>; body?: string }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { agent, method: init.method ?? 'GET', headers: init.headers, timeout: 10_000 },
      (response) => {
        text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer within 10 seconds')));
    sent.on('error', reject);
    sent.end(init.body);
  });
}

/**
 * Sends a request to one of several replicas, and to the next one if that is away or answers 503, as a client that
 * retries.
 * @param first  the index of the first replica to try
 * @returns the first answer other than 503
 */
export async function sendToAny(
  replicas: readonly string[],
  first: number,
  path: string,
  init: Parameters<typeof send>[1],
): Promise<Answer & { retries: number }> {
  const begun = performance.now();
  for (let retries = 0; ; retries++) {
    const url = `${replicas[(first + retries) % replicas.length]}${path}`;
    const answer = await send(url, init).catch((error: Error) => ({ status: 0, body: error.message }));
    if (answer.status !== 0 && answer.status !== 503) return { ...answer, retries };
    if (performance.now() - begun > retryTimeout)
      throw new Error(`${path}: ${answer.status} ${answer.body.slice(0, 200)}`);
    await sleep(50 * 2 ** Math.min(retries, 5));
  }
}

/** How many pieces of work this many workers complete per second, each one after the other. */
export async function fullRate(
  workers: number,
  seconds: number,
  work: (index: number) => Promise<unknown>,
): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let done = 0;
  await Promise.all(
    Array.from({ length: workers }, async () => {
      while (performance.now() < end) await work(done++);
    }),
  );
  return done / seconds;
}
