import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClaimedJob, CsvSummary } from '@lanyard/jobs-contract';
import type { TokenClient } from '@lanyard/token-client';
import type { BatchProcessorConfiguration } from '../configuration.ts';
import { JobsClient, LeaseLostError, RefusedError } from './jobs-client.ts';

interface Sent {
  path: string;
  body: { jobs: { id: string; result: object }[]; result: object };
}

/** The requests received, and the answer to each. */
let sent: Sent[];
let answer: (sent: Sent) => { status: number; body: object };
const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  void (async () => {
    const one = { path: request.url!, body: (await json(request)) as Sent['body'] };
    sent.push(one);
    const { status, body } = answer(one);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  })();
});

let client: JobsClient;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const configuration = { JOBS_API_URL: url, LEASE_SECONDS: 30 } as BatchProcessorConfiguration;
  client = new JobsClient({ fetch: () => fetch } as unknown as TokenClient, configuration);
});
afterAll(() => void server.close());
beforeEach(() => {
  sent = [];
  answer = () => ({ status: 200, body: { leaseLost: [] } });
});

const resultOf = (charset: string): CsvSummary => ({ charset, rows: 0, columns: [] });
const complete = (ids: string[], charset?: string) =>
  Promise.allSettled(
    ids.map((id) =>
      client.complete({ id, requestId: 'r', lease: { token: 1 } } as ClaimedJob, resultOf(charset ?? id)),
    ),
  );
const paths = () => sent.map(({ path }) => path);

describe('completions', () => {
  it('are sent in one call when they arise at once or while others are being sent; a single one has its own URL', async () => {
    await complete(['a']);
    await Promise.all([complete(['b', 'c']), once(server, 'request').then(() => complete(['d', 'e', 'f']))]);
    expect(paths()).toEqual(['/jobs/a/complete', '/jobs/complete', '/jobs/complete']);
    expect(sent.map(({ body }) => body.jobs?.map(({ id, result }) => [id, result]))).toEqual([
      undefined,
      ['b', 'c'].map((id) => [id, resultOf(id)]),
      ['d', 'e', 'f'].map((id) => [id, resultOf(id)]),
    ]);
  });

  it('do not affect each other when one is lost or refused', async () => {
    answer = () => ({ status: 200, body: { leaseLost: ['b'] } });
    expect((await complete(['a', 'b'])).map(reasonOf)).toEqual([undefined, LeaseLostError]);
    answer = ({ path }) => ({ status: path === '/jobs/a/complete' ? 200 : 400, body: {} });
    sent = [];
    expect((await complete(['a', 'b'])).map(reasonOf)).toEqual([undefined, RefusedError]);
    expect(paths().toSorted()).toEqual(['/jobs/a/complete', '/jobs/b/complete', '/jobs/complete']);
  });

  it('are retried', async () => {
    let times = 0;
    answer = () => ({ status: (times += 1) === 1 ? 503 : 200, body: { leaseLost: [] } });
    expect((await complete(['a', 'b'])).map(reasonOf)).toEqual([undefined, undefined]);
    expect(paths()).toEqual(['/jobs/complete', '/jobs/complete']);
  });

  it('with large results are sent one by one, so that no call is too large', async () => {
    await complete(['a', 'b', 'c'], 'ä'.repeat(17_000));
    expect(paths().toSorted()).toEqual(['/jobs/a/complete', '/jobs/b/complete', '/jobs/c/complete']);
  });
});

const reasonOf = (result: PromiseSettledResult<void>) =>
  result.status === 'rejected' ? (result.reason as Error).constructor : undefined;
