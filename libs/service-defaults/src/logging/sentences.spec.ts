import { expect, it } from '@jest/globals';
import { stripVTControlCharacters } from 'node:util';
import { sentenceOf, textOf } from './sentences.ts';

const time = '2026-01-31T12:00:00.123Z';
const sentence = (service: string, fields: object) => {
  const found = sentenceOf(service, fields as Record<string, unknown>);
  return found === undefined ? undefined : stripVTControlCharacters(found);
};
const text = (service: string, fields: object) =>
  stripVTControlCharacters(textOf(service, { time, level: 'info', service, ...fields }));

it.each<[string, object, string | undefined]>([
  [
    'auth-server',
    {
      msg: 'request',
      method: 'POST',
      route: '/oauth/token',
      status: 200,
      client_id: 'a',
      scope: 's',
      audience: 'r',
      ms: 1,
    },
    'issues an access token to a: s, for r  200 1 ms',
  ],
  [
    'jobs-api',
    { msg: 'request', method: 'POST', route: '/jobs/claim', status: 200, client_id: 'a', claimed: 2, ms: 1 },
    'POST /jobs/claim  token of a is valid, 2 claimed  200 1 ms',
  ],
  ['jobs-api', { msg: 'request', method: 'GET', route: '/jobs/:id', status: 200, client_id: 'a', ms: 1 }, undefined],
  [
    'auth-server',
    { msg: 'request', method: 'GET', route: '/.well-known/oauth-authorization-server', status: 200, ms: 1 },
    undefined,
  ],
  ['auth-server', { msg: 'request', method: 'POST', route: '/admin/revocations', status: 401, ms: 1 }, undefined],
  ['batch-processor', { msg: 'jobs claimed', jobs: 1 }, 'claimed 1 job'],
  ['auth-server', { msg: 'surprise', level: 'warn', err: { message: 'why' } }, 'surprise why'],
  ['auth-server', { msg: 'nothing new', level: 'info' }, undefined],
])('turns a line of %s into a sentence, or omits it (%#)', (service, fields, expected) => {
  expect(sentence(service, fields)).toBe(expected);
});

it('keeps all fields of warnings and errors as text, and omits only the lines of polls', () => {
  expect(text('jobs-api', { msg: 'listening', address: 'http://0.0.0.0:3002', request_id: 'x', nothing: null })).toBe(
    '12:00:00.123  listening  address=http://0.0.0.0:3002  request_id=x\n',
  );
  const request = { msg: 'request', method: 'GET', route: '/jobs/:id', status: 200, client_id: 'a', ms: 1 };
  expect(text('jobs-api', request)).toBe('');
  expect(text('auth-server', { ...request, route: '/.well-known/oauth-authorization-server' })).toBe('');
  expect(text('jobs-api', { ...request, status: 404, request_id: 'x', address: '::1' })).toBe(
    '12:00:00.123  GET /jobs/:id  token of a is valid  404 1 ms' +
      '  method=GET  route=/jobs/:id  status=404  client_id=a  ms=1  request_id=x  address=::1\n',
  );
  const failed = { msg: 'run failed', level: 'error', run_id: 'r', err: { message: 'why', stack: 'Error: why\n  at' } };
  expect(text('batch-processor', failed)).toBe(
    '12:00:00.123  the run failed and will be retried: why  level=error  run_id=r\n    Error: why\n      at\n',
  );
  expect(text('jobs-api', { ...request, route: '/docs', client_id: undefined })).toBe(
    '12:00:00.123  request  method=GET  route=/docs  status=200  ms=1\n',
  );
  const error = {
    msg: 'job lost',
    level: 'error',
    job_id: 'j',
    err: { message: 'why', stack: 'Error: why\n    at here' },
  };
  expect(text('batch-processor', error)).toBe(
    '12:00:00.123  job lost  level=error  job_id=j\n    Error: why\n        at here\n',
  );
});

it('escapes control characters, so that they cannot control the terminal', () => {
  const fields = { msg: 'client authentication refused', client_id: 'a\u001B[2Jb\nc', reason: 'unknown client' };
  expect(text('auth-server', fields)).toBe(String.raw`12:00:00.123  refuses a\u001b[2Jb\u000ac: unknown client` + '\n');
  expect(text('auth-server', { ...fields, level: 'warn' })).toContain(String.raw`client_id=a\u001b[2Jb\u000ac  `);
});
