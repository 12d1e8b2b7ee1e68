import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { acceptedSuites, allSuites, chosenSuite, isStrong } from '@lanyard/service-defaults/tls.fixture';
import { insist, type Attack } from '../attack.ts';
import { call, connectTo, counted, form, insistOnHealth, sendBytes, statusesIn, type Request } from '../http.ts';
import type { Target } from '../target.ts';

const host = 'host: localhost\r\n';
const close = 'connection: close\r\n';
/** What everybody may read. */
const open = '/.well-known/jwks.json';
const type = 'content-type: application/x-www-form-urlencoded\r\n';

const services = ({ issuer, jobsApi, batchProcessor }: Target) => [issuer, jobsApi, batchProcessor];

export const connections: Attack[] = [
  {
    name: 'one request that is two',
    rule: '[request-smuggling, RFC 9112 §6.3]',
    tries:
      'two lengths, a length and chunks, odd encodings, spaces in names of headers, no host, a second request within a body',
    stoppedBy: 'what two readers could read in two ways is refused, and the connection closed',
    async run(target) {
      const hidden = `GET ${open} HTTP/1.1\r\n${host}${close}\r\n`;
      const post = `POST /oauth/token HTTP/1.1\r\n${host}${type}`;
      const requests = [
        `${post}content-length: 5\r\ncontent-length: 6\r\n\r\nx=y&z=`,
        `${post}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
        `${post}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n${hidden}`,
        `${post}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
        `${post}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
        `${post}transfer-encoding : chunked\r\n\r\n0\r\n\r\n${hidden}`,
        `${post}content-length: +5\r\n\r\nx=yyy`,
        `${post}content-length: 0x5\r\n\r\nx=yyy`,
        `${post}content-length: -1\r\n\r\n`,
        `${post}content-length: 99999999999999999999\r\n\r\n`,
        `${post}transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nx`,
        `${post}transfer-encoding: chunked\r\n\r\n5;${'x'.repeat(40_000)}\r\nx=yyy\r\n0\r\n\r\n`,
        `${post}content-length : 5\r\n\r\n${hidden}`,
        `GET ${open} HTTP/1.1\r\n${host}x\0y: a\r\n${close}\r\n`,
        `GET ${open} HTTP/1.1\r\n${host}x y: a\r\n${close}\r\n`,
        `GET ${open} HTTP/1.1\r\n${close}\r\n`,
        `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
      ];
      const statuses: (number | string)[] = [];
      for (const bytes of requests) {
        const answer = await sendBytes(target.issuer, bytes, 1000);
        const found = statusesIn(answer);
        insist(!found.includes(200), `${JSON.stringify(bytes.slice(0, 120))}: ${found.join(' ')}`);
        insist(found.length <= 1, `${JSON.stringify(bytes.slice(0, 120))}: answered as ${found.length} requests`);
        statuses.push(found[0] ?? 'closed');
      }
      await insistOnHealth(target.issuer);
      return counted(statuses);
    },
  },
  {
    name: 'a large body before the token',
    rule: '[token-before-body, Lanyard]',
    tries:
      'announcing 8 MB of JSON to guarded routes, without a token, with and without Expect, and holding the body back',
    stoppedBy: 'the token is decided about while the body is still unread, and the connection closed',
    async run(target) {
      const { issuer, jobsApi, batchProcessor } = target;
      const json = 'content-type: application/json\r\ncontent-length: 8388608\r\n';
      const statuses = [];
      for (const [service, path] of [
        [issuer, '/admin/registry'],
        [issuer, '/admin/clients'],
        [jobsApi, '/jobs'],
        [jobsApi, '/files'],
        [batchProcessor, '/runs'],
      ] as const) {
        for (const [more, expected] of [
          ['', 401],
          ['expect: 100-continue\r\n', 401],
          ['authorization: Bearer nonsense\r\n', 401],
          ['expect: something else\r\n', 417],
        ] as const) {
          const answer = await sendBytes(service, `POST ${path} HTTP/1.1\r\n${host}${json}${more}\r\n[[[[`);
          const [status = 0] = statusesIn(answer);
          insist(status === expected, `POST ${path} with a body that does not come: ${status || 'no answer'}`);
          statuses.push(status);
        }
      }
      return counted(statuses);
    },
  },
  {
    name: 'JSON without an end',
    rule: '[json-depth, Lanyard]',
    tries: 'half a million arrays within each other, as an administrator and as a worker',
    stoppedBy: 'the depth of JSON is bounded before it is parsed',
    needs: 'administrator',
    async run(target) {
      const body = '['.repeat(500_000);
      const send = (url: string, token: string) =>
        call(url, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
          body,
        });
      const answers = [
        await send(`${target.issuer}/admin/registry`, await target.tokenOf('administrator')),
        await send(`${target.jobsApi}/jobs`, await target.tokenOf('batch-processor')),
      ];
      for (const { status, text } of answers) insist(status === 400, `${status} ${text.slice(0, 100)}`);
      return counted(answers.map(({ status }) => status));
    },
  },
  {
    name: 'millions of small values',
    rule: '[json-values, Lanyard]',
    tries: 'eight megabytes of empty objects, arrays and texts, as an administrator, and four as a worker',
    stoppedBy: 'the values of JSON are counted before it is parsed',
    needs: 'administrator',
    async run(target) {
      const statuses = [];
      for (const [service, path, client, size] of [
        [target.issuer, '/admin/registry', 'administrator', 8],
        [target.jobsApi, '/jobs', 'batch-processor', 4],
      ] as const) {
        const headers = {
          authorization: `Bearer ${await target.tokenOf(client)}`,
          'content-type': 'application/json',
        };
        for (const value of ['{}', '[]', '""']) {
          const count = Math.floor((size * 1024 * 1024 - 10) / 3);
          const body = `{"x":[${`${value},`.repeat(count - 1)}${value}]}`;
          const { status, text } = await call(service + path, { method: 'POST', headers, body });
          insist(
            status === 400 && text.includes('values at most'),
            `${count} × ${value}: ${status} ${text.slice(0, 100)}`,
          );
          statuses.push(status);
        }
        await insistOnHealth(service);
      }
      return counted(statuses);
    },
  },
  {
    name: 'faults without end',
    rule: '[bounded-faults, Lanyard]',
    tries:
      'a registry of 5,000 clients that are wrong in every field, and jobs whose results are, to have every fault listed',
    stoppedBy: 'validation stops after a hundred faults',
    needs: 'administrator',
    async run(target) {
      const client = {
        client_id: '9',
        client_name: '',
        scope: '"',
        grant_types: [1],
        tokens_per_minute: 0,
        disabled: 3,
      };
      const columns = Array.from({ length: 500 }, () => ({ empty: -1, distinct: -1 }));
      const statuses = [];
      for (const [url, sender, body] of [
        [
          `${target.issuer}/admin/registry`,
          'administrator',
          { registry: { clients: Array.from({ length: 5000 }, () => client) } },
        ],
        [
          `${target.jobsApi}/jobs/complete`,
          'batch-processor',
          { jobs: Array.from({ length: 100 }, () => ({ result: { columns } })) },
        ],
      ] as const) {
        const authorization = `Bearer ${await target.tokenOf(sender)}`;
        const headers = { authorization, 'content-type': 'application/json' };
        const answer = await call(url, { method: 'POST', headers, body: JSON.stringify(body) });
        const { errors = [] } = answer.body as { errors?: unknown[] };
        insist(answer.status === 400, `${url}: ${answer.status} ${answer.text.slice(0, 100)}`);
        insist(errors.length <= 101, `${url}: ${errors.length} faults in ${answer.text.length} bytes`);
        statuses.push(answer.status);
      }
      return counted(statuses);
    },
  },
  {
    name: 'a flood of headers',
    rule: '[header-limit, Lanyard]',
    tries: 'one header of 64 KB, three thousand small ones, a hundred more than any request has, a very long address',
    stoppedBy: 'headers are limited in size and number',
    async run(target) {
      const statuses: (number | string)[] = [];
      for (const url of services(target)) {
        for (const headers of [
          `x: ${'a'.repeat(64_000)}\r\n`,
          'x: abcdefghijklm\r\n'.repeat(3000),
          'x: y\r\n'.repeat(200),
        ]) {
          const answer = await sendBytes(url, `GET /nothing HTTP/1.1\r\n${host}${close}${headers}\r\n`);
          const [status = 'closed'] = statusesIn(answer);
          insist([400, 431, 'closed'].includes(status), `${headers.length} bytes of headers: ${status}`);
          statuses.push(status);
        }
        const answer = await sendBytes(url, `GET /${'a'.repeat(60_000)} HTTP/1.1\r\n${host}${close}\r\n`);
        const [status = 'closed'] = statusesIn(answer);
        insist([400, 404, 414, 431, 'closed'].includes(status), `a long address: ${status}`);
        statuses.push(status);
        await insistOnHealth(url);
      }
      return counted(statuses);
    },
  },
  {
    name: 'bodies without end',
    rule: '[body-limit, Lanyard]',
    tries: 'bodies of megabytes, announced and in chunks, at the token endpoint, the administration and the jobs',
    stoppedBy: 'bodies are limited, before they are read where their length is announced',
    async run(target) {
      const large = 'x'.repeat(10 * 1024 * 1024);
      const worker = { authorization: `Bearer ${await target.tokenOf('batch-processor')}` };
      const runner = { authorization: `Bearer ${await target.tokenOf('jobs-cli', 'runs:write')}` };
      const client = { authorization: target.authorizationOf('batch-processor') };
      const json = { 'content-type': 'application/json' };
      const grant = `grant_type=client_credentials&x=${large}`;
      const job = JSON.stringify({ type: 'summarize-csv', payload: { file: 'a'.repeat(64), name: large } });
      const statuses: (number | string)[] = [];
      // Right but for their size.
      const requests: [string, Request][] = [
        [target.tokenEndpoint, form(grant, client)],
        [target.tokenEndpoint, form(grant, { ...client, 'transfer-encoding': 'chunked' })],
        [`${target.issuer}/oauth/revoke`, form(`token=x&x=${large}`, client)],
        [
          `${target.issuer}/admin/clients`,
          { method: 'POST', headers: { ...json, ...worker }, body: JSON.stringify({ client_id: large }) },
        ],
        [`${target.jobsApi}/jobs`, { method: 'POST', headers: { ...json, ...worker }, body: job }],
        [
          `${target.batchProcessor}/runs`,
          { method: 'POST', headers: { ...json, ...runner }, body: JSON.stringify({ x: large }) },
        ],
      ];
      for (const [url, request] of requests) {
        // A server may close the connection while the rest is still being sent.
        const status = await call(url, request).then(
          (answer) => answer.status,
          (error: NodeJS.ErrnoException) => {
            insist(['EPIPE', 'ECONNRESET'].includes(error.code ?? ''), `${url}: ${error.message}`);
            return 'closed';
          },
        );
        insist(
          [413, 400, 401, 'closed'].includes(status) &&
            (status !== 400 || url.includes('/oauth/')) &&
            // The token of a worker is for another resource, which is decided first.
            (status !== 401 || url.includes('/admin/')),
          `${url}: ${status}`,
        );
        statuses.push(status);
      }
      await insistOnHealth(target.issuer);
      return counted(statuses);
    },
  },
  {
    name: 'bodies in pieces of one byte',
    rule: '[body-pieces, Lanyard]',
    tries: 'two hundred forms of 16 KB at the token endpoint, each byte a chunk of its own, that never end',
    stoppedBy:
      'the pieces of a body are copied into one buffer: a form costs its bytes, not an object for each of them',
    run: (target) => holdPieces(target, 200),
  },
  {
    name: 'slow senders',
    rule: '[time-limit, Lanyard]',
    tries: 'sixty connections that send a byte of a request every second and never end it',
    stoppedBy: 'a request must come in within 30 seconds, its headers within 15; others are served meanwhile',
    async run(target) {
      const openings = [
        `POST /oauth/token HTTP/1.1\r\n${host}${type}content-length: 1000\r\n\r\n`,
        `GET /nothing HTTP/1.1\r\n${host}`,
        '',
      ];
      const lifetimes = Promise.all(
        services(target).flatMap((url) =>
          Array.from({ length: 20 }, (_, index) => drip(url, openings[index % openings.length]!)),
        ),
      );
      let served = 0;
      const begun = performance.now();
      while (performance.now() - begun < 3000) {
        for (const url of services(target)) {
          insist((await call(`${url}/nothing`)).status === 404, `${url} serves no other caller beside slow senders`);
          served += 1;
        }
        await sleep(100);
      }
      const longest = Math.max(...(await lifetimes));
      insist(longest < 45, `a slow sender was put up with for ${Math.round(longest)} s`);
      return `answered or cut off after ${Math.round(longest)} s at most; ${served} requests of others were served meanwhile`;
    },
  },
  {
    name: 'all connections from one address',
    rule: '[connection-share, Lanyard]',
    tries: 'five thousand connections to the token endpoint that send nothing, half a request, or half a body',
    stoppedBy:
      'an address has a share of connections, idle ones make room for newcomers, and health is asked at another port',
    run: (target) => floodConnections(target, 5000),
  },
  {
    name: 'weak ciphers',
    rule: '[tls-suites, RFC 9325 §4.2]',
    tries: 'TLS 1.0 and 1.1 with everything, then each cipher suite of TLS 1.2 and 1.3 on a connection of its own',
    stoppedBy: 'TLS 1.3, and TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305; nothing else is agreed on',
    needs: 'https',
    async run({ secureUrls }) {
      const accepted = new Set<string>();
      for (const url of secureUrls) {
        const { hostname: host, port } = new URL(url);
        const server = { host, port: Number(port) || 443 };
        for (const version of ['TLSv1', 'TLSv1.1'] as const) {
          const chosen = await chosenSuite({ ...server, version, suites: allSuites });
          insist(chosen === undefined, `${url} speaks ${version}`);
        }
        for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
          const suites = await acceptedSuites({ ...server, version });
          const weak = suites.filter((suite) => !isStrong(suite));
          insist(weak.length === 0, `${url} accepts in ${version} ${weak.join(' ')}`);
          for (const suite of suites) accepted.add(suite);
        }
      }
      insist(accepted.size > 0, 'nothing at all was agreed on');
      return [...accepted].join(', ');
    },
  },
];

/** @returns after how long it was answered or cut off, seconds; a proxy may listen on after its answer */
async function drip(url: string, opening: string): Promise<number> {
  const socket = connectTo(url);
  const begun = performance.now();
  socket.on('error', () => undefined).once('data', () => socket.destroy());
  socket.write(opening);
  const dripping = setInterval(() => socket.write('a'), 1000);
  const givenUp = setTimeout(() => socket.destroy(), 60_000);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(dripping);
  clearTimeout(givenUp);
  return (performance.now() - begun) / 1000;
}

/** Opens connections that are never of use, a few hundred at a time; callers that come afterwards must be served. */
async function floodConnections(target: Target, count: number): Promise<string> {
  const openings = [
    '',
    `GET ${open} HTTP/1.1\r\n${host}`,
    `POST /oauth/token HTTP/1.1\r\n${host}${type}content-length: 100\r\n\r\nx`,
  ];
  const held: Socket[] = [];
  try {
    for (let opened = 0; opened < count; opened += 250) {
      const batch = Array.from({ length: 250 }, (_, index) => hold(target.issuer, openings[index % openings.length]!));
      held.push(...(await Promise.all(batch)));
    }
    const countOpen = () => held.filter(({ readyState }) => readyState === 'open').length;
    // What is refused takes a while to be heard.
    for (let tries = 0; tries < 50 && countOpen() > count / 2; tries++) await sleep(100);
    const kept = countOpen();
    insist(kept <= count / 2, `${kept} of ${count} connections are kept, all from one address`);
    const others = await othersAreServed(target);
    const { status } = await target.inspect('auth-server', '/health/ready');
    insist(status === 200, `its health is ${status} meanwhile`);
    return `${kept} of ${count} connections are kept; ${others}`;
  } finally {
    for (const socket of held) socket.destroy();
    await insistOnHealth(target.issuer);
  }
}

/** Holds bodies that came in pieces, while callers must be served and the server must not need much for them. */
async function holdPieces(target: Target, count: number): Promise<string> {
  const metric = async (name: string) => {
    const { text } = await target.inspect('auth-server', '/metrics');
    return Number(new RegExp(String.raw`^${name}(?:\{.*\})? (\S+)$`, 'm').exec(text)?.[1]);
  };
  const begun = await metric('process_start_time_seconds');
  const before = await metric('nodejs_heap_size_used_bytes');
  const bytes = `POST /oauth/token HTTP/1.1\r\n${host}${type}transfer-encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(16_000)}`;
  const held: Socket[] = [];
  try {
    for (let i = 0; i < count; i++) held.push(await hold(target.issuer, bytes));
    const isSending = ({ destroyed, writableLength }: Socket) => !destroyed && writableLength > 0;
    for (let i = 0; i < 100 && held.some(isSending); i++) await sleep(50);
    let least = Infinity;
    // Until the garbage of other requests was collected.
    for (let i = 0; i < 10 && least > count * 250_000; i++) {
      await target.freshTokenOf('batch-processor');
      await sleep(300);
      least = Math.min(least, (await metric('nodejs_heap_size_used_bytes')) - before);
    }
    const open = held.filter(({ readyState }) => readyState === 'open').length;
    const kilobytes = Math.max(0, Math.round(least / count / 1000));
    insist(kilobytes <= 250, `a form of 16 KB costs ${kilobytes} KB of its heap`);
    insist((await metric('process_start_time_seconds')) === begun, 'the server was started anew');
    return `${open} of ${count} forms are held, for ${kilobytes} KB of the heap each; another client gets its tokens`;
  } finally {
    for (const socket of held) socket.destroy();
    await insistOnHealth(target.issuer);
  }
}

/** A connection that has sent these bytes; closed, where the server does not take it. */
async function hold(url: string, bytes: string): Promise<Socket> {
  const socket = connectTo(url);
  socket.on('error', () => undefined).resume();
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  if (bytes) socket.write(bytes);
  return socket;
}

async function othersAreServed(target: Target): Promise<string> {
  for (const url of [target.jobsApi, target.batchProcessor]) await insistOnHealth(url);
  // A gateway cannot tell which connections are idle: the address has to wait there, but at this port only.
  if (target.deployment.hasGateway) return 'the other services answer the same address';
  const isServed = await target.freshTokenOf('batch-processor').then(
    () => true,
    () => false,
  );
  insist(isServed, 'a client at the same address gets no token meanwhile');
  const isHere = ['localhost', '127.0.0.1'].includes(new URL(target.issuer).hostname);
  if (!isHere) return 'the same address gets a token';
  const request = form(
    { grant_type: 'client_credentials' },
    { authorization: target.authorizationOf('batch-processor') },
  );
  const fromElsewhere = { ...request, localAddress: '127.0.0.2' };
  const status = await call(target.tokenEndpoint.replace('localhost', '127.0.0.1'), fromElsewhere).then(
    (answer) => answer.status,
    (error: NodeJS.ErrnoException) => error.code,
  );
  insist(status === 200, `a client at another address gets ${status} meanwhile`);
  return 'the same address and another one get a token each';
}
