import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { insist, type Attack } from '../attack.ts';
import { call, counted, form, insistOnHealth, sendBytes, statusesIn } from '../http.ts';
import type { Target } from '../target.ts';

const host = 'host: localhost\r\n';
const close = 'connection: close\r\n';
const type = 'content-type: application/x-www-form-urlencoded\r\n';

const services = ({ issuer, jobsApi, batchProcessor }: Target) => [issuer, jobsApi, batchProcessor];

export const connections: Attack[] = [
  {
    name: 'one request that is two',
    rule: '[request-smuggling, RFC 9112 §6.3]',
    tries:
      'two lengths, a length and chunks, odd encodings, folded headers, spaces before the colon, bare line feeds, a second request within a body',
    stoppedBy: 'what two readers could read in two ways is refused, and the connection closed',
    async run(target) {
      const hidden = `GET /admin/clients HTTP/1.1\r\n${host}\r\n`;
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
        `GET /jobs HTTP/1.1\n${host}\n`,
        `GET /jobs HTTP/1.1\r\n${host}x: a\r\n folded\r\n${close}\r\n`,
        `GET /jobs HTTP/1.1\r\n${host}x\0y: a\r\n\r\n`,
        `GET /jobs\t HTTP/1.1\r\n${host}\r\n`,
        `GET http://example.com/jobs HTTP/1.1\r\n${host}${close}\r\n`,
        `GET /jobs HTTP/1.1\r\n${close}\r\n`,
        `GET /jobs HTTP/1.1\r\n${host}host: example.com\r\n${close}\r\n`,
        `GET /jobs HTTP/2.0\r\n${host}\r\n`,
        `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
      ];
      const statuses: (number | string)[] = [];
      for (const bytes of requests) {
        const answer = await sendBytes(target.issuer, bytes, 1000);
        const found = statusesIn(answer);
        insist(!found.includes(200), `${JSON.stringify(bytes.slice(0, 120))}: ${found.join(' ')}`);
        insist(!answer.includes('"items"'), 'a hidden request was answered');
        statuses.push(found[0] ?? 'closed');
      }
      await insistOnHealth(target.issuer);
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
          const answer = await sendBytes(url, `GET /health/live HTTP/1.1\r\n${host}${close}${headers}\r\n`);
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
      const jobs = { authorization: `Bearer ${await target.tokenOf('batch-processor')}` };
      const json = { 'content-type': 'application/json' };
      const statuses: (number | string)[] = [];
      const requests: [string, Parameters<typeof call>[1]][] = [
        [target.tokenEndpoint, form(`grant_type=${large}`)],
        [target.tokenEndpoint, form(`grant_type=${large}`, { 'transfer-encoding': 'chunked' })],
        [`${target.issuer}/oauth/introspect`, form(`token=${large}`)],
        [`${target.issuer}/admin/clients`, { method: 'POST', headers: json, body: large }],
        [`${target.jobsApi}/jobs`, { method: 'POST', headers: { ...json, ...jobs }, body: large }],
        [`${target.batchProcessor}/runs`, { method: 'POST', headers: json, body: large }],
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
        insist([400, 401, 413, 415, 'closed'].includes(status), `${url}: ${status}`);
        statuses.push(status);
      }
      await insistOnHealth(target.issuer);
      return counted(statuses);
    },
  },
  {
    name: 'slow senders',
    rule: '[time-limit, Lanyard]',
    tries: 'sixty connections that send a byte of a request every second and never end it',
    stoppedBy: 'a request must come in within 30 seconds, its headers within 15; others are served meanwhile',
    async run(target) {
      const openings = [
        `POST /oauth/token HTTP/1.1\r\n${host}${type}content-length: 1000\r\n\r\n`,
        `GET /health/live HTTP/1.1\r\n${host}`,
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
          insist((await call(`${url}/health/live`)).status === 200, `${url} serves nobody besides slow senders`);
          served += 1;
        }
        await sleep(100);
      }
      const longest = Math.max(...(await lifetimes));
      insist(longest < 45, `a slow sender kept its connection for ${Math.round(longest)} s`);
      return `closed after ${Math.round(longest)} s at most; ${served} requests of others were served meanwhile`;
    },
  },
];

/** @returns for how long the server put up with it, seconds */
async function drip(url: string, opening: string): Promise<number> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const begun = performance.now();
  socket.on('error', () => undefined).resume();
  socket.write(opening);
  const dripping = setInterval(() => socket.write('a'), 1000);
  const givenUp = setTimeout(() => socket.destroy(), 60_000);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(dripping);
  clearTimeout(givenUp);
  return (performance.now() - begun) / 1000;
}
