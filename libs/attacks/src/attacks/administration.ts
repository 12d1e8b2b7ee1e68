import { accompliceOf, withClient } from '../administer.ts';
import type { Attack } from '../attack.ts';
import { call, counted, form } from '../http.ts';
import { assert } from '../not-stopped.ts';

const json = { 'content-type': 'application/json' };

export const administration: Attack[] = [
  {
    name: 'the administration from outside',
    rule: '[audience, RFC 9068 §4]',
    tries:
      'every kind of administrative call without a token, with a token for jobs, and with other spellings of the paths',
    stoppedBy: 'the administration accepts only access tokens of its own audience',
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
    name: 'tokens of other clients',
    rule: '[own-tokens-only, RFC 7009 §2]',
    tries: 'revoking another client’s token, and introspecting tokens without being their resource server',
    stoppedBy: 'a client can revoke only its own tokens, and introspect only tokens for its own resources',
    async run(target) {
      const token = await target.tokenOf('batch-processor');
      const stranger = { authorization: target.authorizationOf('report-generator') };
      const revocation = await call(`${target.issuer}/oauth/revoke`, form({ token }, stranger));
      assert(revocation.status === 400, `revoking another client’s token: ${revocation.status}`);
      const introspection = await call(`${target.issuer}/oauth/introspect`, form({ token }, stranger));
      assert(
        !introspection.text.includes('jobs:read'),
        `another client can introspect the token: ${introspection.text}`,
      );
      const list = await call(`${target.issuer}/oauth/revocations`, { headers: stranger });
      assert(list.status >= 400, `a client that is not a resource server reads the revocation list: ${list.status}`);
      const authorization = target.authorizationOf('jobs-api');
      const { body } = await call(`${target.issuer}/oauth/introspect`, form({ token }, { authorization }));
      assert(body.active === true, 'another client’s token was revoked');
      return `revocation ${revocation.status} without effect; introspection ${introspection.status}; list ${list.status}`;
    },
  },
  {
    name: 'what introspection reveals',
    rule: '[inactive-says-nothing, RFC 7662 §2.2]',
    tries: 'text, a broken token and a token of another resource, to tell them apart by the answers',
    stoppedBy: 'every inactive token gets the same answer, {"active":false}',
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
    tries: '__proto__ and constructor in JSON, unknown fields, and values of other types',
    stoppedBy: 'a schema of known fields validates every body',
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
