import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { caller } from './index.ts';

const refused = (retryAfter: string) => () =>
  new Response('{"title":"Too many requests"}', { status: 429, headers: { 'retry-after': retryAfter } });
const done = () => Response.json({ done: true });

let printed: string;
beforeEach(() => {
  printed = '';
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});

/** Gives these answers in turn, then repeats the last one; records the requests. */
function aServer(...answers: (() => Response)[]) {
  const sent: RequestInit[] = [];
  const call = caller('https://auth.example', (_, init) => {
    sent.push(init!);
    return Promise.resolve(answers.at(Math.min(sent.length, answers.length) - 1)!());
  });
  return { sent, call };
}

describe('a request that was refused with 429', () => {
  it('is sent again, and the user is informed [sent-again-when-refused, RFC 6585 §4]', async () => {
    const { sent, call } = aServer(refused('0'), refused('0'), done);
    expect((await call('POST', '/admin/revocations', { jti: 'x' }, { 'idempotency-key': 'y' })).body).toEqual({
      done: true,
    });
    expect(sent).toHaveLength(3);
    expect(new Set(sent.map((init) => JSON.stringify(init))).size).toBe(1);
    const line = 'Too many requests (POST https://auth.example/admin/revocations answered 429); trying again in 0 s\n';
    expect(printed).toBe(line + line);
  });

  it('is sent again after Retry-After [sent-again-when-refused, RFC 6585 §4]', async () => {
    const { call } = aServer(refused('1'), done);
    const begun = performance.now();
    await call('GET', '/admin/clients/billing');
    expect(performance.now() - begun).toBeGreaterThan(900);
    expect(printed).toContain('trying again in 1 s');
  });

  it('is given up after some attempts', async () => {
    const { sent, call } = aServer(refused('0'));
    await expect(call('DELETE', '/admin/clients/billing')).rejects.toThrow(
      'Too many requests (DELETE https://auth.example/admin/clients/billing answered 429)',
    );
    expect(sent).toHaveLength(5);
  });

  it('is given up at once if Retry-After is longer than a user would wait', async () => {
    const { sent, call } = aServer(refused('600'));
    await expect(call('GET', '/admin/clients')).rejects.toThrow('answered 429');
    expect(sent).toHaveLength(1);
  });
});

it('does not repeat a request after any other status', async () => {
  const { sent, call } = aServer(() => new Response('{}', { status: 503, headers: { 'retry-after': '0' } }), done);
  await expect(call('GET', '/admin/clients')).rejects.toThrow('answered 503');
  expect([sent.length, printed]).toEqual([1, '']);
});

describe('a truncated response', () => {
  /** The first responses are truncated, the others complete. */
  const cut = (times: number) => {
    const broken = () =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(Buffer.from('{"client_secr'));
            controller.error(new TypeError('terminated'));
          },
        }),
        { status: 201 },
      );
    return aServer(...Array.from({ length: times }, () => broken), done);
  };

  it('is requested again if the request can be repeated', async () => {
    for (const [method, headers] of [
      ['GET', {}],
      ['POST', { 'idempotency-key': 'y' }],
    ] as const) {
      const { sent, call } = cut(2);
      expect((await call(method, '/admin/clients', undefined, headers)).body).toEqual({ done: true });
      expect(sent).toHaveLength(3);
    }
  });

  it('is an error if the request cannot be repeated', async () => {
    const { sent, call } = cut(1);
    await expect(call('POST', '/admin/clients', {})).rejects.toThrow(
      'the response of https://auth.example was truncated',
    );
    expect(sent).toHaveLength(1);
  });
});

it.each(['null', '[]', '"no"', '{"errors":{"a":1}}', '{"errors":[null]}', '{"title":7}', 'Bad Gateway'])(
  'reports the status of a response that is not a problem body: %s',
  async (body) => {
    const { call } = aServer(() => new Response(body, { status: 502 }));
    await expect(call('GET', '/jobs')).rejects.toThrow(/^GET https:\/\/auth\.example\/jobs answered 502$/);
  },
);

it('keeps little of a file in memory while it is sent', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const size = 500_000;
  let sent = 0;
  let received = 0;
  let held = 0;
  const measure = async () => {
    for (let before = -1; before < sent; await sleep(200)) before = sent;
    // Swept memory is counted a little later.
    held = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 5; i++, await sleep(50)) {
      collectGarbage();
      held = Math.min(held, process.memoryUsage().arrayBuffers);
    }
  };
  const server = createServer((request, response) => {
    request.on('data', ({ length }: Buffer) => {
      const isHalf = received < 50_000_000 && received + length >= 50_000_000;
      received += length;
      if (!isHalf) return;
      request.pause();
      void measure().then(() => request.resume());
    });
    request.on('end', () => response.end('{}'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const file = new Blob([]);
  const pull = (controller: ReadableStreamDefaultController) => {
    sent += size;
    controller.enqueue(new Uint8Array(size));
    if (sent === 100_000_000) controller.close();
  };
  Object.assign(file, { stream: () => new ReadableStream({ pull }) });
  Object.defineProperty(file, 'size', { value: 100_000_000 });
  await caller(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, fetch)('POST', '/files', file);
  server.close();
  expect(received).toBe(100_000_000);

  expect(held).toBeLessThan(30_000_000);
});
