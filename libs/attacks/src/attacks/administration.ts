import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { basicCredentials } from '@lanyard/oauth-protocol';
import type { Attack } from '../attack.ts';
import { assert } from '../not-stopped.ts';
import { call, counted, form } from '../http.ts';
import type { Target } from '../target.ts';

const json = { 'content-type': 'application/json' };

/** A call of the administration. */
const administer = (target: Target, token: string, method: string, path: string, body?: object) =>
  call(`${target.issuer}/admin${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && json) },
    ...(body && { body: JSON.stringify(body) }),
  });

const accompliceOf = (id: string) => `${id}-accomplice`;

/** A client for one attack, with a token and what administers it; those that came of it are deleted with it. */
async function withClient<Result>(
  target: Target,
  scope: string,
  attack: (attacker: {
    id: string;
    token: string;
    as: (method: string, path: string, body?: object) => ReturnType<typeof administer>;
    administrator: (method: string, path: string, body?: object) => ReturnType<typeof administer>;
  }) => Promise<Result>,
): Promise<Result> {
  const id = `attacker-${randomUUID().slice(0, 8)}`;
  const own = await target.tokenOf('administrator');
  const administrator = (method: string, path: string, body?: object) => administer(target, own, method, path, body);
  try {
    const created = await administrator('POST', '/clients', { client_id: id, scope, default_scope: scope });
    assert(created.status === 201, `no client could be registered: ${created.status} ${created.text}`);
    const authorization = basicCredentials(id, String(created.body.client_secret));
    const answer = await call(target.tokenEndpoint, form({ grant_type: 'client_credentials' }, { authorization }));
    const token = String(answer.body.access_token);
    const as = (method: string, path: string, body?: object) => administer(target, token, method, path, body);
    return await attack({ id, token, as, administrator });
  } finally {
    // An attack that is not stopped may have ended the administrator's own token.
    const cleaner = await target.freshTokenOf('administrator');
    for (const client of [id, accompliceOf(id)]) await administer(target, cleaner, 'DELETE', `/clients/${client}`);
  }
}

export const administration: Attack[] = [
  {
    name: 'the administration from outside',
    rule: '[audience, RFC 9068 §4]',
    tries:
      'every kind of administrative call without a token, with a token for jobs, and along other spellings of its paths',
    stoppedBy: 'the administration takes access tokens of its own audience alone',
    async run(target) {
      const jobs = { authorization: `Bearer ${await target.tokenOf('batch-processor')}` };
      const calls = [
        ['GET', '/admin/clients'],
        ['POST', '/admin/clients'],
        ['GET', '/admin/clients/administrator'],
        ['DELETE', '/admin/clients/administrator'],
        ['POST', '/admin/clients/administrator/secrets'],
        ['POST', '/admin/registry'],
        ['POST', '/admin/keys/rotate'],
        ['POST', '/admin/revocations'],
        ['GET', '/admin/audit'],
        ['GET', '//admin/clients'],
        ['GET', '/Admin/clients'],
        ['GET', '/admin%2fclients'],
        ['GET', '/%61dmin/clients'],
        ['GET', '/x/../admin/clients'],
        ['GET', '/admin/clients/'],
        ['GET', '/admin/clients;x'],
      ] as const;
      const statuses = [];
      for (const [method, path] of calls) {
        for (const headers of [{}, jobs, { 'x-original-url': path, 'x-rewrite-url': path, ...jobs }]) {
          const { status, text } = await call(target.issuer + path, {
            method,
            headers: { ...headers, ...(method === 'POST' && json) },
            ...(method === 'POST' && { body: '{}' }),
          });
          assert([400, 401, 403, 404].includes(status) && !text.includes('"items"'), `${method} ${path}: ${status}`);
          statuses.push(status);
        }
      }
      return counted(statuses);
    },
  },
  {
    name: 'tokens of others',
    rule: '[own-tokens-only, RFC 7009 §2]',
    tries: 'revoking another client’s token, and introspecting tokens without being their resource server',
    stoppedBy: 'a client revokes its own tokens, and is told of those for its own resources',
    async run(target) {
      const token = await target.tokenOf('batch-processor');
      const stranger = { authorization: target.authorizationOf('report-generator') };
      const revocation = await call(`${target.issuer}/oauth/revoke`, form({ token }, stranger));
      assert(revocation.status === 400, `revoking another client’s token: ${revocation.status}`);
      const introspection = await call(`${target.issuer}/oauth/introspect`, form({ token }, stranger));
      assert(!introspection.text.includes('jobs:read'), `a stranger is told of a token: ${introspection.text}`);
      const list = await call(`${target.issuer}/oauth/revocations`, { headers: stranger });
      assert(list.status >= 400, `a client that is no resource server reads the list of revocations: ${list.status}`);
      const authorization = target.authorizationOf('jobs-api');
      const { body } = await call(`${target.issuer}/oauth/introspect`, form({ token }, { authorization }));
      assert(body.active === true, 'another client’s token was revoked');
      return `revocation ${revocation.status} without effect; introspection ${introspection.status}; list ${list.status}`;
    },
  },
  {
    name: 'what introspection gives away',
    rule: '[inactive-says-nothing, RFC 7662 §2.2]',
    tries: 'text, a broken token and a token of another resource, to tell from the answers which is which',
    stoppedBy: 'whatever is not active is answered {"active":false}, the same each time',
    async run(target) {
      const authorization = target.authorizationOf('jobs-api');
      const token = await target.tokenOf('batch-processor');
      const tokens = ['x', `${token}x`, token.slice(0, -5), await target.tokenOf('jobs-cli', 'runs:write'), 'a.b.c'];
      const answers = new Set<string>();
      for (const each of tokens) {
        answers.add((await call(`${target.issuer}/oauth/introspect`, form({ token: each }, { authorization }))).text);
      }
      assert([...answers].join() === '{"active":false}', `the answers differ: ${[...answers].join(' ')}`);
      return `${tokens.length} × {"active":false}`;
    },
  },
  {
    name: 'a prototype in a body',
    rule: '[strange-characters, Lanyard]',
    tries: '__proto__ and constructor in JSON and in forms, fields that nobody asked for, types in place of others',
    stoppedBy: 'bodies are read by a schema that knows each field',
    async run(target) {
      const headers = { ...json, authorization: `Bearer ${await target.tokenOf('batch-processor')}` };
      const csv = { ...headers, 'content-type': 'text/csv' };
      const { body: file } = await call(`${target.jobsApi}/files`, {
        method: 'POST',
        headers: csv,
        body: 'a,b\n1,2\n',
      });
      const job = { type: 'summarize-csv', payload: { file: file.id, name: 'x.csv' } };
      const bodies = [
        '{"__proto__":{"admin":true}}',
        '{"constructor":{"prototype":{"admin":true}}}',
        JSON.stringify({ ...job, createdBy: 'administrator' }),
        JSON.stringify({ ...job, payload: { ...job.payload, name: 'a\0b' } }),
        JSON.stringify({ ...job, payload: { ...job.payload, name: '\ud800' } }),
        JSON.stringify({ ...job, payload: [job.payload] }),
        JSON.stringify({ ...job, maxAttempts: 5 }).replace('5}', '1e400}'),
        JSON.stringify([job]),
        '[['.repeat(20_000),
        '{"a":'.repeat(20_000),
        'null',
        '"text"',
        '{"type":"summarize-csv","type":"other"}',
        '\u{feff}{}',
      ];
      const statuses = [];
      for (const body of bodies) {
        const { status } = await call(`${target.jobsApi}/jobs`, { method: 'POST', headers, body });
        assert(status === 400, `${body.slice(0, 60)}: ${status}`);
        statuses.push(status);
      }
      return counted(statuses);
    },
  },
  {
    name: 'an administrator who makes themselves more',
    rule: '[own-administrative-scopes, Lanyard]',
    tries:
      'a token that may write clients, to give itself and a new client the right to rotate keys and read the audit log',
    stoppedBy: 'nobody gives away an administrative scope that their token does not have',
    needs: 'administrator',
    async run(target) {
      const authorization = `Bearer ${await target.tokenOf('administrator', 'clients:write')}`;
      const headers = { ...json, authorization };
      const more = { scope: 'clients:write keys:rotate audit:read' };
      const answers = [
        await call(`${target.issuer}/admin/clients/administrator`, {
          method: 'PATCH',
          headers,
          body: JSON.stringify(more),
        }),
        await call(`${target.issuer}/admin/clients`, {
          method: 'POST',
          headers,
          body: JSON.stringify({ client_id: 'attacker', ...more }),
        }),
        await call(`${target.issuer}/admin/clients/administrator/secrets`, { method: 'POST', headers, body: '{}' }),
        await call(`${target.issuer}/admin/audit`, { headers }),
        await call(`${target.issuer}/admin/keys/rotate`, { method: 'POST', headers, body: '{}' }),
      ];
      const statuses = answers.map(({ status }) => status);
      assert(
        statuses.every((status) => [403, 404].includes(status)),
        `answered ${statuses.join(' ')}`,
      );
      return counted(statuses);
    },
  },
  {
    name: 'a demoted administrator',
    rule: '[current-rights, Lanyard]',
    tries:
      'the token from before the demotion, to take the scopes back, let an accomplice in, add a secret and withdraw the keys; also at the moment of the demotion',
    stoppedBy:
      'token and registry decide, in the transaction of the act, and losing an administrative scope revokes the tokens',
    needs: 'administrator',
    run: (target) => {
      const scope = 'clients:read clients:write keys:rotate tokens:revoke';
      return withClient(target, scope, async ({ id, as, administrator }) => {
        const acts = () => [
          as('PATCH', `/clients/${id}`, { scope }),
          as('POST', '/clients', { client_id: accompliceOf(id), scope }),
          as('POST', `/clients/${id}/secrets`, {}),
          as('POST', '/registry', { registry: { clients: [{ client_id: id, scope }] } }),
        ];
        const [demotion] = await Promise.all([
          administrator('PATCH', `/clients/${id}`, { scope: '', default_scope: '' }),
          ...acts(),
        ]);
        assert(demotion.status === 200, `the demotion was answered with ${demotion.status}`);
        const after = [
          ...acts(),
          as('POST', '/keys/rotate', { emergency: true }),
          as('POST', '/revocations', { client_id: 'administrator' }),
          as('POST', '/clients/jobs-api/disable'),
          as('DELETE', '/clients/jobs-api'),
        ];
        const statuses = (await Promise.all(after)).map(({ status }) => status);
        assert(
          statuses.every((status) => status === 401 || status === 403),
          `after the demotion: ${counted(statuses)}`,
        );
        const { body } = await administrator('GET', `/clients/${id}`);
        assert(body.scope === '', `the demoted administrator has the scope ${String(body.scope)}`);
        return counted(statuses);
      });
    },
  },
  {
    name: 'the tokens of a higher administrator',
    rule: '[own-administrative-scopes, Lanyard]',
    tries:
      'a client that may revoke tokens and nothing else, to revoke those of the administrator: one, by its jti, all, by a secret',
    stoppedBy: 'revoking a token requires the administrative scopes of its client',
    needs: 'administrator',
    run: (target) =>
      withClient(target, 'tokens:revoke', async ({ as, administrator }) => {
        const token = await target.freshTokenOf('administrator');
        const { body } = await administrator('GET', '/clients/administrator/secrets');
        const [secret] = body.items as { secret_id: string }[];
        const statuses = [];
        for (const revocation of [
          { token },
          { jti: decodeJwt(token).jti },
          { client_id: 'administrator' },
          { secret_id: secret?.secret_id },
        ]) {
          const { status } = await as('POST', '/revocations', revocation);
          assert(status === 403, `${Object.keys(revocation).join()}: ${status}`);
          statuses.push(status);
        }
        const { status } = await administer(target, token, 'GET', '/keys');
        assert(status === 200, `the token of the administrator was answered with ${status}`);
        return counted(statuses);
      }),
  },
  {
    name: 'the token of a removed secret',
    rule: '[lost-rights, Lanyard]',
    tries: 'a token that was obtained with a secret, when the secret has been removed',
    stoppedBy: 'the tokens of a secret are revoked with it, and every resource server learns it within a second',
    needs: 'administrator',
    run: (target) =>
      withClient(target, 'jobs:read', async ({ id, token, administrator }) => {
        const headers = { authorization: `Bearer ${token}` };
        const ask = async () => (await call(`${target.jobsApi}/jobs?limit=1`, { headers })).status;
        assert((await ask()) === 200, 'the token was not accepted before');
        const { body } = await administrator('GET', `/clients/${id}/secrets`);
        for (const { secret_id: secretId } of body.items as { secret_id: string }[]) {
          await administrator('DELETE', `/clients/${id}/secrets/${secretId}`);
        }
        let status = await ask();
        for (let attempts = 0; attempts < 100 && status !== 401; attempts++) {
          await sleep(20);
          status = await ask();
        }
        assert(status === 401, `the token is still answered with ${status}`);
        return '1 × 401';
      }),
  },
  {
    name: 'the identifier of the administration',
    rule: '[reserved-identifiers, Lanyard]',
    tries:
      'registering a resource under the identifier of the administration, in several spellings, and a client as its resource server, which might introspect the tokens of administrators',
    stoppedBy: 'the identifiers of the authorization server itself are reserved',
    needs: 'administrator',
    run: (target) =>
      withClient(target, 'clients:read clients:write', async ({ id, as }) => {
        const own = `${target.issuer}/admin`;
        const description = { name: 'Mine', scopes: { 'attacker:read': 'Read' } };
        const statuses = [];
        for (const identifier of [
          own,
          `${own}/`,
          `${own}?x`,
          `${target.issuer}//admin`,
          `${target.issuer}/%61dmin`,
          target.issuer,
        ]) {
          const server = { resource_server_of: [identifier] };
          for (const [method, path, body] of [
            ['PUT', `/resources/${encodeURIComponent(identifier)}`, description],
            ['POST', '/registry', { registry: { resources: [{ identifier, ...description }] } }],
            ['POST', '/clients', { client_id: accompliceOf(id), ...server }],
            ['PATCH', '/clients/jobs-api', server],
          ] as const) {
            const { status } = await as(method, path, body);
            assert(status === 400, `${method} ${path} for ${identifier}: ${status}`);
            statuses.push(status);
          }
        }
        return counted(statuses);
      }),
  },
];
