import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { acceptedSuites, allSuites, chosenSuite, isStrong } from '@lanyard/service-defaults/tls.fixture';
import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { call, connectTo, counted, countOpen, form, hold, assertHealthy, sendBytes, statusesIn } from '../http.ts';
import type { Target } from '../target.ts';

const host = 'host: localhost\r\n';
const close = 'connection: close\r\n';
/** A public document. */
const publicPath = '/.well-known/jwks.json';
const type = 'content-type: application/x-www-form-urlencoded\r\n';

const services = ({ issuer, jobsApi, batchProcessor }: Target) => [issuer, jobsApi, batchProcessor];

export const connections: Attack[] = [
  {
    name: 'one request that can be read as two',
    rule: '[request-smuggling, RFC 9112 §6.3]',
    tries:
      'two lengths, a length and chunks, odd encodings, spaces in header names, no host, a second request within a body',
    stoppedBy: 'ambiguous requests are refused, and the connection is closed',
    async run(target) {
      const hidden = `GET ${publicPath} HTTP/1.1\r\n${host}${close}\r\n`;
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
        `GET ${publicPath} HTTP/1.1\r\n${host}x\0y: a\r\n${close}\r\n`,
        `GET ${publicPath} HTTP/1.1\r\n${host}x y: a\r\n${close}\r\n`,
        `GET ${publicPath} HTTP/1.1\r\n${close}\r\n`,
        `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
      ];
      const statuses: (number | string)[] = [];
      for (const bytes of requests) {
        const answer = await sendBytes(target.issuer, bytes, 1000);
        const found = statusesIn(answer);
        assert(!found.includes(200), `${JSON.stringify(bytes.slice(0, 120))}: ${found.join(' ')}`);
        assert(found.length <= 1, `${JSON.stringify(bytes.slice(0, 120))}: answered as ${found.length} requests`);
        statuses.push(found[0] ?? 'closed');
      }
      await assertHealthy(target.issuer);
      return counted(statuses);
    },
  },
  {
    name: 'a flood of headers',
    rule: '[header-limit, Lanyard]',
    tries: 'one header of 64 KB, three thousand small ones, two hundred tiny ones, a very long URL',
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
          assert([400, 431, 'closed'].includes(status), `${headers.length} bytes of headers: ${status}`);
          statuses.push(status);
        }
        const answer = await sendBytes(url, `GET /${'a'.repeat(60_000)} HTTP/1.1\r\n${host}${close}\r\n`);
        const [status = 'closed'] = statusesIn(answer);
        assert([400, 404, 414, 431, 'closed'].includes(status), `a long address: ${status}`);
        statuses.push(status);
        await assertHealthy(url);
      }
      return counted(statuses);
    },
  },
  {
    name: 'slow senders',
    rule: '[time-limit, Lanyard]',
    tries: 'sixty connections that send a byte of a request every second and never end it',
    stoppedBy: 'a request must arrive within 30 seconds, its headers within 15; others are served meanwhile',
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
          assert(
            (await call(`${url}/nothing`)).status === 404,
            `${url} does not serve other callers during the slow requests`,
          );
          served += 1;
        }
        await sleep(100);
      }
      const longest = Math.max(...(await lifetimes));
      assert(longest < 45, `a slow sender was tolerated for ${Math.round(longest)} s`);
      return `answered or cut off after at most ${Math.round(longest)} s; ${served} requests of others were served meanwhile`;
    },
  },
  {
    name: 'all connections from one address',
    rule: '[connection-share, Lanyard]',
    tries: 'five thousand connections to the token endpoint that send nothing, half a request, or half a body',
    stoppedBy:
      'an address has a share of the connections, idle ones make room for new ones, and health checks use another port',
    run: (target) => floodConnections(target, 5000),
  },
  {
    name: 'weak ciphers',
    rule: '[tls-suites, RFC 9325 §4.2]',
    tries: 'TLS 1.0 and 1.1 with all suites, then each cipher suite of TLS 1.2 and 1.3 on its own connection',
    stoppedBy: 'the server accepts only TLS 1.3, and TLS 1.2 with ECDHE and AES-GCM or ChaCha20-Poly1305',
    needs: 'https',
    async run({ secureUrls }) {
      const accepted = new Set<string>();
      for (const url of secureUrls) {
        const { hostname: host, port } = new URL(url);
        const server = { host, port: Number(port) || 443 };
        for (const version of ['TLSv1', 'TLSv1.1'] as const) {
          const chosen = await chosenSuite({ ...server, version, suites: allSuites });
          assert(chosen === undefined, `${url} speaks ${version}`);
        }
        for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
          const suites = await acceptedSuites({ ...server, version });
          const weak = suites.filter((suite) => !isStrong(suite));
          assert(weak.length === 0, `${url} accepts in ${version} ${weak.join(' ')}`);
          for (const suite of suites) accepted.add(suite);
        }
      }
      assert(accepted.size > 0, 'no cipher suite was accepted');
      return [...accepted].join(', ');
    },
  },
];

/** @returns the seconds until it was answered or cut off; a proxy may keep listening after its answer */
async function drip(url: string, opening: string): Promise<number> {
  const socket = connectTo(url);
  const begun = performance.now();
  socket.on('error', () => undefined).once('data', () => socket.destroy());
  socket.write(opening);
  const dripping = setInterval(() => socket.write('a'), 1000);
  const deadline = setTimeout(() => socket.destroy(), 60_000);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(dripping);
  clearTimeout(deadline);
  return (performance.now() - begun) / 1000;
}

/** Opens useless connections, a few hundred at a time; later callers must still be served. */
async function floodConnections(target: Target, count: number): Promise<string> {
  const openings = [
    '',
    `GET ${publicPath} HTTP/1.1\r\n${host}`,
    `POST /oauth/token HTTP/1.1\r\n${host}${type}content-length: 100\r\n\r\nx`,
  ];
  const held: Socket[] = [];
  try {
    for (let opened = 0; opened < count; opened += 250) {
      const batch = Array.from({ length: 250 }, (_, index) => hold(target.issuer, openings[index % openings.length]!));
      held.push(...(await Promise.all(batch)));
      // Refusals take a while to arrive. Until then, Docker's proxy in between holds six file descriptors for each
      // connection, and stops listening when it has none left.
      for (let tries = 0; tries < 50 && countOpen(held) > count * 0.4; tries++) await sleep(100);
    }
    const kept = countOpen(held);
    assert(kept <= count / 2, `${kept} of ${count} connections are kept, all from one address`);
    const others = await othersAreServed(target);
    const { status } = await target.inspect('auth-server', '/health/ready');
    assert(status === 200, `its health is ${status} meanwhile`);
    return `${kept} of ${count} connections are kept; ${others}`;
  } finally {
    for (const socket of held) socket.destroy();
    await assertHealthy(target.issuer);
  }
}

async function othersAreServed(target: Target): Promise<string> {
  for (const url of [target.jobsApi, target.batchProcessor]) await assertHealthy(url);
  // A gateway cannot tell which connections are idle: the address has to wait there, but only at this port.
  if (target.deployment.hasGateway) return 'the other services answer the same address';
  const isServed = await target.freshTokenOf('batch-processor').then(
    () => true,
    () => false,
  );
  assert(isServed, 'a client at the same address gets no token meanwhile');
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
  assert(status === 200, `a client at another address gets ${status} meanwhile`);
  return 'the same address and another one each get a token';
}
