import { assert } from '../not-stopped.ts';
import { call } from '../http.ts';
import type { Target } from '../target.ts';

/** A valid request to mutate. */
export interface Seed {
  /** the address of the service */
  url: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string;
  /** whether it may be refused: its token lacks the scope, since a success would damage the deployment */
  mayBeRefused?: boolean;
  /** its OpenAPI description, if there is one */
  operation?: Operation;
}

export interface Operation {
  /** with `{name}` for each parameter */
  path: string;
  parameters?: { name: string; in: string }[];
  requestBody?: { content?: Record<string, { schema?: object }> };
}

interface OpenApi {
  paths: Record<string, Record<string, Omit<Operation, 'path'>>>;
}

const methods = new Set(['get', 'post', 'put', 'patch', 'delete']);
const json = { 'content-type': 'application/json' };
const id = '00000000-0000-7000-8000-000000000000';

/** The values of path parameters. None names an existing client. */
const parameters: Record<string, string> = {
  client_id: 'fuzzed',
  secret_id: id,
  kid: 'fuzzed',
  id,
  identifier: encodeURIComponent('https://fuzzed.example'),
};

const column = { name: 'a', type: 'number', empty: 0, distinct: 1, min: 1, max: 2, mean: 1.5 };
const result = { rows: 1, columns: [column] };

/** Valid bodies for the endpoints; none would damage the deployment. */
const bodies: Record<string, unknown> = {
  'POST /admin/clients': { client_id: 'fuzzed', client_name: 'Fuzzed', scope: 'jobs:read', default_scope: 'jobs:read' },
  'PATCH /admin/clients/{client_id}': { client_name: 'Fuzzed', access_token_lifetime: 60, tokens_per_minute: 10 },
  'POST /admin/clients/{client_id}/secrets': { expires_in: 3600, overlap: 60 },
  'POST /admin/registry': { registry: { clients: [{ client_id: 'fuzzed', scope: 'jobs:read' }] }, dry_run: true },
  'PUT /admin/resources/{identifier}': { name: 'Fuzzed', scopes: { 'fuzz:read': 'Read' } },
  'POST /admin/revocations': { jti: 'fuzzed' },
  'POST /jobs': { type: 'summarize-csv', payload: { file: 'a'.repeat(64), name: 'fuzzed.csv' }, maxAttempts: 1 },
  'POST /jobs/claim': { types: ['fuzzed'], max: 1, leaseSeconds: 1 },
  'POST /jobs/complete': { jobs: [{ id, leaseToken: 1, result }] },
  'POST /jobs/{id}/heartbeat': { leaseToken: 1, leaseSeconds: 10 },
  'POST /jobs/{id}/complete': { leaseToken: 1, result },
  'POST /jobs/{id}/fail': { leaseToken: 1, reason: 'fuzzed', retryable: false },
  'POST /jobs/{id}/release': { leaseToken: 1 },
};
const queries: Record<string, string> = {
  'GET /admin/clients': '?q=a&scope=jobs:read&disabled=false&limit=2&after=a',
  'GET /admin/audit': '?type=client.created&since=2026-01-01T00:00:00Z&limit=2&after=1&order=newest',
  'GET /jobs': `?status=pending&limit=2&after=${id}`,
};

/** A request for every endpoint that the services describe, with a suitable token. */
export async function seedsOf(target: Target): Promise<Seed[]> {
  const scope = 'clients:read clients:write audit:read keys:read keys:rotate tokens:revoke';
  const administrator = `Bearer ${await target.tokenOf('administrator', scope)}`;
  const reader = `Bearer ${await target.tokenOf('administrator', 'keys:read')}`;
  const worker = `Bearer ${await target.tokenOf('batch-processor')}`;
  const reporter = `Bearer ${await target.tokenOf('report-generator')}`;
  const starter = `Bearer ${await target.tokenOf('jobs-cli', 'runs:write')}`;
  const described = [
    ...(await describedBy(target.issuer, (path) => (path.endsWith('/rotate') ? reader : administrator))),
    ...(await describedBy(target.jobsApi, (path) => (path.startsWith('/reports') ? reporter : worker))),
  ];
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const client = { ...form, authorization: target.authorizationOf('batch-processor') };
  const resourceServer = { ...form, authorization: target.authorizationOf('jobs-api') };
  const token = await target.tokenOf('batch-processor');
  const grant = 'grant_type=client_credentials&scope=jobs%3Aread';
  const { issuer, jobsApi, batchProcessor } = target;
  const csv = { 'content-type': 'text/csv', authorization: worker };
  const { body: file } = await call(`${jobsApi}/files`, { method: 'POST', headers: csv, body: 'a,b\n1,2\n' });
  const job = { type: 'summarize-csv', payload: { file: file.id, name: 'fuzzed.csv' }, maxAttempts: 1 };
  const get = (url: string, path: string, headers = {}): Seed => ({ url, method: 'GET', path, headers, body: '' });
  const post = (url: string, path: string, headers: Record<string, string>, body: string): Seed => ({
    url,
    method: 'POST',
    path,
    headers,
    body,
  });
  return [
    ...described,
    post(issuer, '/oauth/token', client, `${grant}&resource=${encodeURIComponent(jobsApi)}`),
    post(
      issuer,
      '/oauth/token',
      form,
      `${grant}&client_id=batch-processor&client_secret=${target.secretOf('batch-processor')}`,
    ),
    post(issuer, '/oauth/introspect', resourceServer, `token=${token}&token_type_hint=access_token`),
    post(issuer, '/oauth/revoke', client, 'token=fuzzed&token_type_hint=access_token'),
    get(issuer, '/oauth/revocations?cursor=0', { ...resourceServer, prefer: 'wait=0' }),
    get(issuer, '/.well-known/oauth-authorization-server'),
    get(issuer, '/.well-known/jwks.json', { 'if-none-match': '"x"' }),
    get(jobsApi, '/.well-known/oauth-protected-resource'),
    get(batchProcessor, '/.well-known/oauth-protected-resource'),
    post(batchProcessor, '/runs', { authorization: starter }, ''),
    post(jobsApi, '/files', csv, 'a,b\n1,2\n'),
    post(jobsApi, '/jobs', { ...json, authorization: worker }, JSON.stringify(job)),
    get(jobsApi, `/files/${String(file.id)}`, { authorization: worker }),
    get(issuer, '/.well-known/oauth-protected-resource/admin'),
    ...[issuer, jobsApi, batchProcessor].flatMap((url) => [
      get(url, '/docs'),
      get(url, '/docs-json'),
      get(url, '/docs/swagger-ui.css'),
    ]),
  ];
}

async function describedBy(url: string, authorizationOf: (path: string) => string): Promise<Seed[]> {
  const { status, body } = await call(`${url}/docs-json`);
  assert(status === 200, `${url} does not describe its API: set API_DOCS=true to fuzz it`);
  const { paths } = body as unknown as OpenApi;
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([method]) => methods.has(method))
      .map(([method, operation]): Seed => {
        const name = `${method.toUpperCase()} ${path}`;
        const body = bodies[name] ?? (name.startsWith('POST') || name.startsWith('PUT') ? {} : undefined);
        return {
          url,
          method: method.toUpperCase(),
          path: filledIn(path) + (queries[name] ?? ''),
          operation: { ...operation, path },
          headers: { authorization: authorizationOf(path), ...(body !== undefined && json) },
          body: body === undefined ? '' : JSON.stringify(body),
          mayBeRefused: path.endsWith('/rotate') || body === undefined || Object.keys(body).length === 0,
        };
      }),
  );
}

/** @param values  encoded values of some parameters; the others have the values of every seed */
export const filledIn = (path: string, values: Record<string, string> = {}): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] ?? parameters[name] ?? 'fuzzed');
