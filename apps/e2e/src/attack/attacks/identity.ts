import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { insist, type Attack } from '../attack.ts';
import { basic, call, counted, form, type Answer } from '../http.ts';
import { mannWhitney, quantile } from '../statistics.ts';
import type { Target } from '../target.ts';
import { timeGuesses } from '../timing.ts';

const grant = { grant_type: 'client_credentials' };
const nobody = () => `nobody-${randomBytes(6).toString('hex')}`;
const guess = (target: Target, clientId: string, headers: Record<string, string> = {}) =>
  call(
    target.tokenEndpoint,
    form(grant, { authorization: basic(clientId, randomBytes(32).toString('hex')), ...headers }),
  );

/** An answer without what is of the moment. */
const essence = ({ status, headers, text }: Answer): string => {
  const { date: _1, 'x-request-id': _2, 'retry-after': _3, ...rest } = headers;
  return JSON.stringify([status, rest, text]);
};

export const identity: Attack[] = [
  {
    name: 'which clients there are, by the answer',
    rule: '[same-answer, RFC 6749 §5.2]',
    tries:
      'an unknown client, a wrong secret, an empty one, the secret of another client, and compares the whole answers',
    stoppedBy: 'one answer, word for word, whatever is wrong',
    needs: 'administrator',
    async run(target) {
      // One of its own, in whose name nobody has failed before.
      const { clientId, remove } = await clientOfItsOwn(target, 600);
      const post = (parameters: Record<string, string>, authorization?: string) =>
        call(target.tokenEndpoint, form({ ...grant, ...parameters }, authorization ? { authorization } : {}));
      const answers = [
        await guess(target, nobody()),
        await guess(target, clientId),
        await post({}, basic(clientId, target.secretOf('jobs-api'))),
        await post({}, basic(clientId, '')),
        await post({}, basic(nobody(), '')),
        await post({ client_id: nobody(), client_secret: 'x' }),
        await post({ client_id: clientId, client_secret: 'x' }),
      ];
      await remove();
      const statuses = answers.map(({ status }) => status);
      // An address that failed often waits now and then, whoever is asked for.
      const different = new Set(answers.map(essence));
      insist(different.size === new Set(statuses).size, `the answers differ:\n${[...different].join('\n')}`);
      for (const { status, headers } of answers) {
        const isChallenge = status === 401 && headers['www-authenticate']?.startsWith('Basic ');
        insist(isChallenge || status === 429, `answered ${status}`);
      }
      return `${counted(statuses)}, ${answers[0]!.text}`;
    },
  },
  {
    name: 'which clients there are, by the time',
    rule: '[same-answer, RFC 6749 §5.2]',
    tries:
      'thousands of guesses at a client that there is and at one that there is not, in random order, to tell them apart by the time',
    stoppedBy:
      'an unknown client costs the same work as a wrong secret; and guesses are throttled before there are many',
    async run(target) {
      // At home here, so that its guesses are looked at in earnest.
      await target.freshTokenOf('jobs-cli');
      const samples = Number(process.env.SAMPLES) || 3000;
      const { known, unknown } = await timeGuesses(target.tokenEndpoint, 'jobs-cli', samples);
      if (known.length + unknown.length < samples) {
        return `throttled after ${known.length + unknown.length} guesses (with THROTTLING=observe all are timed)`;
      }
      const { p, auc } = mannWhitney(known, unknown);
      const found =
        `${known.length} and ${unknown.length} samples, medians ${quantile(known, 0.5).toFixed(1)} and ` +
        `${quantile(unknown, 0.5).toFixed(1)} µs, Mann-Whitney p = ${p.toFixed(3)}, AUC ${auc.toFixed(4)}`;
      insist(p > 0.0001, `known and unknown clients differ: ${found}`);
      return found;
    },
  },
  {
    name: 'other addresses by word alone',
    rule: '[trusted-proxies-only, Lanyard]',
    tries: 'guesses that each say that they come from another address, in every header that proxies use',
    stoppedBy: 'such headers count from configured proxies alone; guesses are counted by the address of the connection',
    async run(target) {
      const clientId = nobody();
      const statuses = [];
      for (let i = 0; i < 14; i++) {
        const address = `198.51.100.${i + 1}`;
        const { status } = await guess(target, clientId, {
          'x-forwarded-for': address,
          forwarded: `for=${address}`,
          'x-real-ip': address,
          'true-client-ip': address,
          'cf-connecting-ip': address,
          'x-client-ip': address,
        });
        statuses.push(status);
      }
      insist(
        statuses.includes(429) || (await observes(target)),
        `guesses under other names of addresses: ${counted(statuses)}`,
      );
      return counted(statuses);
    },
  },
  {
    name: 'another host, scheme and certificate by word alone',
    rule: '[trusted-proxies-only, Lanyard]',
    tries: 'X-Forwarded-Host and -Proto, Host, and headers with which proxies pass on client certificates',
    stoppedBy: 'the issuer is configuration, and nobody is authenticated by a header of another kind',
    async run(target) {
      const headers = {
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        'x-forwarded-prefix': '/evil',
        forwarded: 'host=evil.example;proto=https',
      };
      const certificate = {
        'x-ssl-client-cert': 'MIIB',
        'x-ssl-client-verify': 'SUCCESS',
        'ssl-client-subject-dn': 'CN=batch-processor',
        'x-forwarded-client-cert': 'Subject="CN=batch-processor"',
        'x-forwarded-user': 'batch-processor',
        'x-client-id': 'batch-processor',
        'remote-user': 'batch-processor',
      };
      for (const path of ['/.well-known/oauth-authorization-server', '/.well-known/jwks.json']) {
        const { text } = await call(target.issuer + path, { headers });
        insist(!text.includes('evil'), `${path} repeats a header: ${text}`);
      }
      const challenge = await call(`${target.jobsApi}/jobs`, { headers: { ...headers, ...certificate } });
      insist(challenge.status === 401, `the jobs API answers ${challenge.status}`);
      insist(!JSON.stringify(challenge.headers).includes('evil'), 'the challenge repeats a header');
      const { status } = await call(
        target.tokenEndpoint,
        form({ ...grant, client_id: 'batch-processor' }, certificate),
      );
      insist(status === 401 || status === 429, `a header authenticates a client: ${status}`);
      return `${status}; metadata and challenges name the configured addresses`;
    },
  },
  {
    name: 'pages of others',
    rule: '[closed-cors, Lanyard]',
    tries: 'requests and preflights from a page of another origin, and frames around the pages there are',
    stoppedBy: 'no answer lets other origins read it, and every answer forbids frames and guesses of its type',
    async run(target) {
      const origin = { origin: 'https://evil.example' };
      const preflight = { ...origin, 'access-control-request-method': 'POST' };
      let looked = 0;
      for (const url of [target.issuer, target.jobsApi, target.batchProcessor]) {
        for (const path of ['/oauth/token', '/jobs', '/docs', '/health/live', '/.well-known/jwks.json', '/nothing']) {
          for (const request of [{ headers: origin }, { method: 'OPTIONS', headers: preflight }]) {
            const { status, headers } = await call(url + path, request);
            const opened = Object.keys(headers).filter((name) => name.startsWith('access-control-'));
            insist(opened.length === 0, `${url}${path}: ${opened.join(' ')}`);
            insist(headers['x-content-type-options'] === 'nosniff', `${url}${path} (${status}): no nosniff`);
            insist(
              /frame-ancestors|default-src/.test(headers['content-security-policy'] ?? ''),
              `${url}${path}: no policy`,
            );
            looked += 1;
          }
        }
      }
      return `${looked} answers, closed`;
    },
  },
  {
    name: 'guessing a secret',
    rule: '[throttled-failures, RFC 6749 §2.3.1]',
    tries: 'forty guesses at one client, one after the other and all at once',
    stoppedBy: 'after ten failures, each further one costs twice as long; Retry-After says how long',
    async run(target) {
      const clientId = nobody();
      const first = [];
      for (let i = 0; i < 20; i++) first.push(await guess(target, clientId));
      const rest = await Promise.all(Array.from({ length: 20 }, () => guess(target, clientId)));
      const answers = [...first, ...rest];
      const statuses = answers.map(({ status }) => status);
      if (await observes(target)) return `${counted(statuses)} (limits are observed alone)`;
      const heard = statuses.filter((status) => status === 401).length;
      // Ten at each replica, until they have told each other.
      insist(heard <= 20, `${heard} of 40 guesses were heard`);
      const throttled = answers.filter(({ status }) => status === 429);
      insist(
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
        insist(
          isObserved || issued <= 300,
          `${clientId} got ${issued} tokens, where 100 at once and 10 a second are due at each replica`,
        );
        insist(isObserved || statuses.includes(429), `nothing was refused: ${counted(statuses)}`);
        return `${counted(statuses)}; p99 of the other client: ${ms(quiet)} ms before, ${ms(meanwhile)} ms meanwhile`;
      } finally {
        await remove();
      }
    },
  },
];

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
    insist(status === 200, `a client that does nothing wrong gets ${status}`);
    durations.push(performance.now() - begun);
  }
  return durations;
}

/** A client of the attacker's own, with a quota. */
async function clientOfItsOwn(target: Target, tokensPerMinute: number) {
  const token = await target.tokenOf('administrator', 'clients:write');
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const clientId = `attacker-${randomBytes(6).toString('hex')}`;
  const client = {
    client_id: clientId,
    scope: 'jobs:read',
    default_scope: 'jobs:read',
    tokens_per_minute: tokensPerMinute,
  };
  const created = await call(`${target.issuer}/admin/clients`, {
    method: 'POST',
    headers,
    body: JSON.stringify(client),
  });
  insist(created.status === 201, `a client could not be registered: ${created.status} ${String(created.body.title)}`);
  return {
    clientId,
    authorization: basic(clientId, String(created.body.client_secret)),
    remove: () => call(`${target.issuer}/admin/clients/${clientId}`, { method: 'DELETE', headers }),
  };
}

/** Whether limits are observed alone, as its metrics say. */
async function observes({ issuer }: Target): Promise<boolean> {
  const { text } = await call(`${issuer}/metrics`);
  return /^lanyard_throttled_requests_total\{[^}]*enforced="false"[^}]*\} [1-9]/m.test(text);
}
