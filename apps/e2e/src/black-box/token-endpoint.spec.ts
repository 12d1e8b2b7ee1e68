import { describe, expect, it } from '@jest/globals';
import { basic } from '../basic.ts';
import { call, issuer, jobsApi, postToken, query, secretOf } from '../system-under-test.ts';

const grant = { grant_type: 'client_credentials' };
const secret = secretOf('batch-processor');
const right = { authorization: basic('batch-processor', secret) };
const invalidClient = { error: 'invalid_client', error_description: 'client authentication failed' };

describe('POST /oauth/token', () => {
  it('answers the correct secret with an access token and nothing else [access-token-response, RFC 6749 §5.1] [no-refresh-token, RFC 6749 §4.4.3]', async () => {
    const { status, headers, body } = await postToken(grant, right);
    expect([status, headers.get('cache-control'), headers.get('content-type')]).toEqual([
      200,
      'no-store',
      'application/json; charset=utf-8',
    ]);
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 600,
      scope: 'jobs:read jobs:write',
    });
  });

  it.each<[string, Record<string, string> | string, Record<string, string>, number, object]>([
    ['a wrong secret', grant, { authorization: basic('batch-processor', 'wrong') }, 401, invalidClient],
    ['an unknown client', grant, { authorization: basic('unknown-client', 'wrong') }, 401, invalidClient],
    ['no client authentication', grant, {}, 401, invalidClient],
    [
      'both methods at once',
      { ...grant, client_id: 'batch-processor', client_secret: secret },
      right,
      400,
      { error: 'invalid_request', error_description: 'more than one client authentication method was used' },
    ],
    [
      'a repeated parameter',
      'grant_type=client_credentials&grant_type=client_credentials',
      right,
      400,
      { error: 'invalid_request', error_description: 'a parameter is repeated' },
    ],
    [
      'a JSON body',
      JSON.stringify(grant),
      { ...right, 'content-type': 'application/json' },
      400,
      { error: 'invalid_request', error_description: 'the body must be application/x-www-form-urlencoded' },
    ],
    [
      'an unsupported grant type',
      { grant_type: 'password', username: 'a', password: 'b' },
      right,
      400,
      { error: 'unsupported_grant_type', error_description: 'only client_credentials is supported' },
    ],
    [
      'a scope that is too wide',
      { ...grant, scope: 'jobs:read reports:read' },
      right,
      400,
      { error: 'invalid_scope', error_description: 'the scope is unknown, or wider than the client may have' },
    ],
    [
      'a request without a scope, from a client without a default scope',
      grant,
      { authorization: basic('jobs-api', secretOf('jobs-api')) },
      400,
      { error: 'invalid_scope', error_description: 'no scope was requested, and the client has no default scope here' },
    ],
    [
      'an unknown resource',
      { ...grant, resource: 'https://unknown.example' },
      right,
      400,
      { error: 'invalid_target', error_description: 'the resource is unknown, or not for this client' },
    ],
  ])('refuses %s [no-store, RFC 6749 §5.1] [error-response, RFC 6749 §5.2]', async (_, form, headers, status, body) => {
    const answer = await postToken(form, headers);
    expect([answer.status, answer.body, answer.headers.get('cache-control')]).toEqual([status, body, 'no-store']);
    if (status === 401) expect(answer.headers.get('www-authenticate')).toBe('Basic realm="lanyard"');
  });

  it('grants the registered default scope when none is requested, and accepts a resource [default-scope, RFC 6749 §3.3] [resource-indicators, RFC 8707 §2]', async () => {
    const { body } = await postToken(
      { ...grant, resource: jobsApi },
      { authorization: basic('jobs-cli', secretOf('jobs-cli')) },
    );
    expect(body.scope).toBe('jobs:read jobs:write');
  });

  it('refuses GET [post-only, RFC 6749 §3.2]', async () => {
    const { status, headers } = await call(`${issuer}/oauth/token?grant_type=client_credentials`);
    expect([status, headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('soon refuses a disabled client with the same answer as an unknown one [same-answer, RFC 6749 §5.2]', async () => {
    const reports = { authorization: basic('report-generator', secretOf('report-generator')) };
    // Waits for every replica; one address may have two replicas behind it.
    const untilAnswered = async (expected: number) => {
      for (let times = 0; times < 8; await new Promise((resolve) => setTimeout(resolve, 20)))
        times = (await postToken(grant, reports)).status === expected ? times + 1 : 0;
    };
    expect((await postToken(grant, reports)).status).toBe(200);
    await query('lanyard_auth', `UPDATE client SET disabled_at = now() WHERE client_id = 'report-generator'`);
    try {
      await untilAnswered(401);
      expect((await postToken(grant, reports)).body).toEqual(invalidClient);
    } finally {
      await query('lanyard_auth', `UPDATE client SET disabled_at = NULL WHERE client_id = 'report-generator'`);
      await untilAnswered(200);
    }
  });

  it('sends no database statement once its caches are warm', async () => {
    await postToken(grant, right);
    const transactions = async () => {
      // A connection in use reports its statistics once a second.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const [row] = await query(
        'postgres',
        `SELECT xact_commit + xact_rollback AS n FROM pg_stat_database WHERE datname = 'lanyard_auth'`,
      );
      return Number(row?.n);
    };
    const before = await transactions();
    const begun = performance.now();
    let tokens = 0;
    for (; tokens < 4000 || performance.now() - begun < 3000; tokens += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => postToken(grant, right)));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    }
    // The number of broadcasts and batched writes depends on time, not on the number of requests.
    expect((await transactions()) - before).toBeLessThan(tokens / 20);
  });
});
