import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { call, counted, form, type Request } from '../http.ts';
import type { Target } from '../target.ts';

async function assertStatus(target: Target, requests: [string, Request][], expected: number[]): Promise<string> {
  const statuses = [];
  for (const [path, request] of requests) {
    const { status, text } = await call(target.jobsApi + path, request);
    assert(
      expected.includes(status),
      `${request.method ?? 'GET'} ${path.slice(0, 30)}: ${status} ${text.slice(0, 100)}`,
    );
    statuses.push(status);
  }
  return counted(statuses);
}

export const bearerTokens: Attack[] = [
  {
    name: 'a token in another place',
    rule: '[header-only, RFC 6750 §5.3]',
    tries: 'a valid token in the query, in a form, in a JSON body, in a cookie, and in headers of other names',
    stoppedBy: 'tokens are accepted only in the Authorization header, since URLs and bodies end up in logs',
    async run(target) {
      const token = await target.tokenOf('batch-processor');
      const json = { 'content-type': 'application/json' };
      return assertStatus(
        target,
        [
          [`/jobs?access_token=${token}`, {}],
          [`/jobs?access_token=${token}`, { headers: { authorization: `Bearer ${token}` } }],
          [`/jobs?ACCESS_TOKEN=${token}`, {}],
          // No other check examines the query here.
          [`/jobs/00000000-0000-7000-8000-000000000000?access_token=${token}`, {}],
          ['/jobs', form({ access_token: token })],
          ['/jobs', { method: 'POST', headers: json, body: JSON.stringify({ access_token: token }) }],
          ['/jobs', { headers: { cookie: `access_token=${token}; token=${token}` } }],
          ['/jobs', { headers: { 'x-access-token': token, 'proxy-authorization': `Bearer ${token}` } }],
          ['/jobs', { headers: { 'x-forwarded-access-token': token, 'x-authorization': `Bearer ${token}` } }],
        ],
        [400, 401, 415],
      );
    },
  },
  {
    name: 'an ambiguous Authorization header',
    rule: '[header-only, RFC 6750 §5.3]',
    tries: 'other schemes, several tokens in one header, two headers, other separators, no token',
    stoppedBy: 'the header must be the scheme and one token',
    async run(target) {
      const token = await target.tokenOf('batch-processor');
      const other = await target.tokenOf('report-generator');
      const authorizations: (string | string[])[] = [
        token,
        `Token ${token}`,
        `Basic ${token}`,
        `DPoP ${token}`,
        `Bearer${token}`,
        `Bearer:${token}`,
        `Bearer,${token}`,
        `Bearer ${token},${other}`,
        `Bearer ${token}, Bearer ${other}`,
        `Bearer ${token} ${other}`,
        `Bearer "${token}"`,
        `Bearer token="${token}"`,
        'Bearer',
        'Bearer ',
        '',
        [`Bearer ${token}`, `Bearer ${other}`],
        [`Bearer ${token}`, `Bearer ${token}`],
      ];
      return assertStatus(
        target,
        authorizations.map((authorization): [string, Request] => ['/jobs', { headers: { authorization } }]),
        [400, 401],
      );
    },
  },
  {
    name: 'a route that the token does not allow',
    rule: '[insufficient-scope, RFC 6750 §3.1]',
    tries: 'a token for reports at the jobs routes, and the reverse, with other methods and spellings of the path',
    stoppedBy: 'each route declares the scope that it requires',
    async run(target) {
      const reports = { authorization: `Bearer ${await target.tokenOf('report-generator')}` };
      const jobs = { authorization: `Bearer ${await target.tokenOf('batch-processor')}` };
      const paths = ['/jobs', '/jobs/', '//jobs', '/JOBS', '/%6aobs', '/jobs;x=1', '/./jobs', '/x/../jobs', '/jobs%2f'];
      const requests: [string, Request][] = [
        ...paths.map((path): [string, Request] => [path, { headers: reports }]),
        ['/jobs?scope=jobs:read', { headers: reports }],
        ['/jobs', { headers: { ...reports, 'x-http-method-override': 'OPTIONS' } }],
        ['/jobs', { method: 'HEAD', headers: reports }],
        ['/jobs', { method: 'OPTIONS', headers: reports }],
        ['/jobs/claim', { method: 'POST', headers: reports }],
        ['/reports/jobs', { headers: jobs }],
        ['/reports/jobs/', { headers: jobs }],
      ];
      return assertStatus(target, requests, [400, 403, 404, 405]);
    },
  },
  {
    name: 'files outside the service',
    rule: '[strange-characters, Lanyard]',
    tries: 'paths that lead out of a folder, in several encodings, for the files and the documentation pages',
    stoppedBy: 'files are database rows found by their SHA-256, and the pages are a fixed set',
    async run(target) {
      const headers = { authorization: `Bearer ${await target.tokenOf('batch-processor')}` };
      const up = ['../', '..%2f', '%2e%2e/', '%2e%2e%2f', '..%5c', '....//', '..%00/', '%c0%ae%c0%ae/'];
      const requests = up.flatMap((step): [string, Request][] => [
        [`/files/${step.repeat(6)}etc/passwd`, { headers }],
        [`/docs/${step.repeat(6)}etc/passwd`, {}],
      ]);
      return assertStatus(target, requests, [400, 403, 404]);
    },
  },
];
