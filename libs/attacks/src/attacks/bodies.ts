import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { call, counted, countOpen, form, hold, assertHealthy, sendBytes, statusesIn, type Request } from '../http.ts';
import type { Target } from '../target.ts';

const host = 'host: localhost\r\n';
const type = 'content-type: application/x-www-form-urlencoded\r\n';

export const bodies: Attack[] = [
  {
    name: 'a large body before the token',
    rule: '[token-before-body, Lanyard]',
    tries:
      'announcing 8 MB of JSON to guarded routes, without a token, with and without Expect, and withholding the body',
    stoppedBy: 'the server checks the token before it reads the body, and closes the connection',
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
          assert(status === expected, `POST ${path} with a body that does not arrive: ${status || 'no answer'}`);
          statuses.push(status);
        }
      }
      return counted(statuses);
    },
  },
  {
    name: 'deeply nested JSON',
    rule: '[json-depth, Lanyard]',
    tries: 'half a million nested arrays, as an administrator and as a worker',
    stoppedBy: 'the depth of JSON is limited before it is parsed',
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
      for (const { status, text } of answers) assert(status === 400, `${status} ${text.slice(0, 100)}`);
      return counted(answers.map(({ status }) => status));
    },
  },
  {
    name: 'millions of small values',
    rule: '[json-values, Lanyard]',
    tries: 'eight megabytes of empty objects, arrays and strings as an administrator, and four as a worker',
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
          assert(
            status === 400 && text.includes('JSON may have at most'),
            `${count} × ${value}: ${status} ${text.slice(0, 100)}`,
          );
          statuses.push(status);
        }
        await assertHealthy(service);
      }
      return counted(statuses);
    },
  },
  {
    name: 'endless faults',
    rule: '[bounded-faults, Lanyard]',
    tries:
      'a registry of 5,000 clients with a fault in every field, and jobs with such results, to have every fault listed',
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
        assert(answer.status === 400, `${url}: ${answer.status} ${answer.text.slice(0, 100)}`);
        assert(errors.length <= 101, `${url}: ${errors.length} faults in ${answer.text.length} bytes`);
        statuses.push(answer.status);
      }
      return counted(statuses);
    },
  },
  {
    name: 'oversized bodies',
    rule: '[body-limit, Lanyard]',
    tries: 'bodies of megabytes, announced and in chunks, at the token endpoint, the administration and the jobs',
    stoppedBy: 'bodies have a size limit, which applies to an announced length before the body is read',
    async run(target) {
      const large = 'x'.repeat(10 * 1024 * 1024);
      const worker = { authorization: `Bearer ${await target.tokenOf('batch-processor')}` };
      const runner = { authorization: `Bearer ${await target.tokenOf('jobs-cli', 'runs:write')}` };
      const client = { authorization: target.authorizationOf('batch-processor') };
      const json = { 'content-type': 'application/json' };
      const grant = `grant_type=client_credentials&x=${large}`;
      const job = JSON.stringify({ type: 'summarize-csv', payload: { file: 'a'.repeat(64), name: large } });
      const statuses: (number | string)[] = [];
      // Valid except for their size.
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
        // The server may close the connection while the rest is being sent.
        const status = await call(url, request).then(
          (answer) => answer.status,
          (error: NodeJS.ErrnoException) => {
            assert(['EPIPE', 'ECONNRESET'].includes(error.code ?? ''), `${url}: ${error.message}`);
            return 'closed';
          },
        );
        assert(
          [413, 400, 401, 'closed'].includes(status) &&
            (status !== 400 || url.includes('/oauth/')) &&
            // The token of a worker has another audience, which is checked first.
            (status !== 401 || url.includes('/admin/')),
          `${url}: ${status}`,
        );
        statuses.push(status);
      }
      await assertHealthy(target.issuer);
      return counted(statuses);
    },
  },
  {
    name: 'bodies in pieces of one byte',
    rule: '[body-pieces, Lanyard]',
    tries: 'two hundred forms of 16 KB at the token endpoint, each byte in its own chunk, that never end',
    stoppedBy:
      'the pieces of a body are copied into one buffer: a form costs its bytes, not an object for each of them',
    run: (target) => holdPieces(target, 200),
  },
];

/** Holds bodies in pieces; meanwhile the server must serve other callers and use little memory for the bodies. */
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
    // Waits until the garbage of other requests is collected.
    for (let i = 0; i < 10 && least > count * 250_000; i++) {
      await target.freshTokenOf('batch-processor');
      await sleep(300);
      least = Math.min(least, (await metric('nodejs_heap_size_used_bytes')) - before);
    }
    const kilobytes = Math.max(0, Math.round(least / count / 1000));
    assert(kilobytes <= 250, `a form of 16 KB costs ${kilobytes} KB of its heap`);
    assert((await metric('process_start_time_seconds')) === begun, 'the server restarted');
    return `${countOpen(held)} of ${count} forms are held, each for ${kilobytes} KB of the heap; another client gets its tokens`;
  } finally {
    for (const socket of held) socket.destroy();
    await assertHealthy(target.issuer);
  }
}
