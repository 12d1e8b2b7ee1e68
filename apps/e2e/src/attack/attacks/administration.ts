import { insist, type Attack } from '../attack.ts';
import { call, counted, form } from '../http.ts';

const json = { 'content-type': 'application/json' };

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
          insist([400, 401, 403, 404].includes(status) && !text.includes('"items"'), `${method} ${path}: ${status}`);
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
      insist(revocation.status === 400, `revoking another client’s token: ${revocation.status}`);
      const introspection = await call(`${target.issuer}/oauth/introspect`, form({ token }, stranger));
      insist(!introspection.text.includes('jobs:read'), `a stranger is told of a token: ${introspection.text}`);
      const list = await call(`${target.issuer}/oauth/revocations`, { headers: stranger });
      insist(list.status >= 400, `a client that is no resource server reads the list of revocations: ${list.status}`);
      const authorization = target.authorizationOf('jobs-api');
      const { body } = await call(`${target.issuer}/oauth/introspect`, form({ token }, { authorization }));
      insist(body.active === true, 'another client’s token was revoked');
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
      insist([...answers].join() === '{"active":false}', `the answers differ: ${[...answers].join(' ')}`);
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
        insist(status === 400, `${body.slice(0, 60)}: ${status}`);
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
      insist(
        statuses.every((status) => [403, 404].includes(status)),
        `answered ${statuses.join(' ')}`,
      );
      return counted(statuses);
    },
  },
];
