import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import { lanyard } from '@lanyard/local-system';
import { basic } from '../basic.ts';
import { batchProcessor, call, directory, issuer, jobsApi, secretOf, tokenOf } from '../system-under-test.ts';

const http = { [oauth.allowInsecureRequests]: true };
const url = new URL(issuer);
let server: oauth.AuthorizationServer;
beforeAll(async () => {
  const response = await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...http });
  server = await oauth.processDiscoveryResponse(url, response);
});

const clientOf = (client_id: string) => [{ client_id }, oauth.ClientSecretBasic(secretOf(client_id))] as const;
const revoke = async (token: string, clientId = 'jobs-cli') =>
  oauth.processRevocationResponse(await oauth.revocationRequest(server, ...clientOf(clientId), token, http));
const listJobs = (token: string) => call(`${jobsApi}/jobs?limit=1`, { headers: { authorization: `Bearer ${token}` } });
/** Waits until every replica refuses the token; one address may have two replicas behind it. */
async function untilRefused(token: string): Promise<void> {
  for (let refusals = 0; refusals < 8; await sleep(5)) {
    const { status } = await listJobs(token);
    refusals = status === 401 ? refusals + 1 : 0;
  }
}
const cli = (...args: string[]) => lanyard({ ISSUER: issuer, SECRETS_DIRECTORY: join(directory, 'secrets') }, args);

describe('token revocation', () => {
  it('soon makes the jobs API refuse the token with a challenge, and no other token [revoked-token, RFC 7009 §2]', async () => {
    const [token, other] = [await tokenOf('jobs-cli'), await tokenOf('jobs-cli')];
    expect((await listJobs(token)).status).toBe(200);
    await revoke(token);
    await untilRefused(token);
    const { headers, body } = await listJobs(token);
    expect(headers.get('www-authenticate')).toContain(
      'error="invalid_token", error_description="the access token was revoked"',
    );
    expect(body).toMatchObject({ status: 401, error: 'invalid_token', detail: 'the access token was revoked' });
    expect((await listJobs(other)).status).toBe(200);
  });

  it('is refused for a token of another client [own-tokens-only, RFC 7009 §2]', async () => {
    const token = await tokenOf('jobs-cli');
    await expect(revoke(token, 'report-generator')).rejects.toMatchObject({ error: 'invalid_request' });
    expect((await listJobs(token)).status).toBe(200);
  });

  it('makes plain and signed introspection report the token as inactive [inactive-says-nothing, RFC 7662 §2.2] [signed-introspection, RFC 9701 §5]', async () => {
    const [client, authentication] = clientOf('jobs-api');
    const introspect = async (token: string, requestJwtResponse: boolean) =>
      oauth.processIntrospectionResponse(
        { ...server, jwks_uri: `${issuer}/.well-known/jwks.json` },
        { ...client, introspection_signed_response_alg: 'ES256' },
        await oauth.introspectionRequest(server, client, authentication, token, { requestJwtResponse, ...http }),
      );
    const token = await tokenOf('jobs-cli');
    const { client_id, scope, jti, exp } = decodeJwt(token);
    for (const signed of [false, true]) {
      expect(await introspect(token, signed)).toMatchObject({ active: true, client_id, scope, jti, exp });
    }
    await revoke(token);
    await untilRefused(token);
    for (const signed of [false, true]) expect(await introspect(token, signed)).toEqual({ active: false });
  });

  it('by an administrator covers all tokens of a client, which can then get new ones', async () => {
    const [one, two] = [await tokenOf('jobs-cli'), await tokenOf('jobs-cli')];
    expect(await cli('token', 'revoke', '--client-id', 'jobs-cli', '--yes')).toMatchObject({
      code: 0,
      out: 'revoked\n',
    });
    for (const token of [one, two]) await untilRefused(token);
    expect((await listJobs(await tokenOf('jobs-cli'))).status).toBe(200);
    const { out } = await cli('token', 'revoked', '--client-id', 'jobs-cli');
    expect(out).toMatch(/all under one grant +│ +[\w-]{22} +│ +jobs-cli/);
  });

  it('does not stop the batch processor, which gets a new token', async () => {
    const token = await tokenOf('jobs-cli', 'jobs:read jobs:write');
    const send = (path: string, body: string, type: string) =>
      call(jobsApi + path, {
        method: 'POST',
        body,
        headers: { authorization: `Bearer ${token}`, 'content-type': type },
      });
    expect((await cli('token', 'revoke', '--client-id', 'batch-processor', '--yes')).code).toBe(0);
    const { body: file } = await send('/files', 'a,b\n1,2\n', 'text/csv');
    const payload = { file: file.id, name: 'after-revocation.csv' };
    const { body: job } = await send('/jobs', JSON.stringify({ type: 'summarize-csv', payload }), 'application/json');
    const runs = await tokenOf('jobs-cli', 'runs:write');
    const started = await call(`${batchProcessor}/runs`, {
      method: 'POST',
      headers: { authorization: `Bearer ${runs}` },
    });
    expect(started.status).toBe(202);
    for (let i = 0; i < 200; i++) {
      const { body } = await call(`${jobsApi}/jobs/${job.id}`, { headers: { authorization: `Bearer ${token}` } });
      if (body.status === 'succeeded') return;
      await sleep(50);
    }
    throw new Error('the job is not done');
  });
});

describe('lanyard token revoke', () => {
  it('accepts a token, a jti, or a secret id', async () => {
    const [token, byJti] = [await tokenOf('jobs-cli'), await tokenOf('jobs-cli')];
    const environment = { ISSUER: issuer, SECRETS_DIRECTORY: join(directory, 'secrets') };
    expect((await lanyard(environment, ['token', 'revoke', '-'], `${token}\n`)).out).toBe('revoked\n');
    expect((await cli('token', 'revoke', '--jti', String(decodeJwt(byJti).jti))).out).toBe('revoked\n');
    await untilRefused(token);
    await untilRefused(byJti);

    const secretFile = join(mkdtempSync(join(tmpdir(), 'lanyard-cli-')), 'client_secret');
    const created = await cli(
      'clients',
      'create',
      'leaky',
      '--scope',
      'jobs:read',
      '--default-scope',
      'jobs:read',
      '--secret-file',
      secretFile,
    );
    expect(created.code).toBe(0);
    const leaked = (
      await lanyard(environment, ['token', 'get', '--client-id', 'leaky', '--secret-file', secretFile])
    ).out.trim();
    const [{ secret_id: secretId }] = JSON.parse((await cli('secrets', 'list', 'leaky', '--json')).out);
    expect((await cli('token', 'revoke', '--secret-id', secretId, '--yes')).out).toBe('revoked\n');
    await untilRefused(leaked);
    expect((await cli('clients', 'delete', 'leaky', '--yes')).code).toBe(0);
  });

  it.each([
    [[], 2, 'specify exactly one of: a token, --token-file, --jti, --client-id, --secret-id'],
    [
      ['--jti', 'a', '--client-id', 'b'],
      2,
      'specify exactly one of: a token, --token-file, --jti, --client-id, --secret-id',
    ],
    [['--client-id', 'jobs-cli'], 2, '--yes'],
    [['--client-id', 'unknown-client', '--yes'], 1, 'there is no such client'],
    [['--secret-id', 'x', '--yes'], 1, 'secret_id'],
  ])('with %j exits with %i and says what is wrong', async (args, expected, message) => {
    const { code, err } = await cli('token', 'revoke', ...args);
    expect([code, err]).toEqual([expected, expect.stringContaining(message)]);
  });
});

describe('GET /oauth/revocations', () => {
  it('admits only authenticated resource servers', async () => {
    const list = `${issuer}/oauth/revocations`;
    expect((await call(list)).status).toBe(401);
    const headers = { authorization: basic('jobs-api', secretOf('jobs-api')) };
    const response = await call(list, { headers });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/revocations+jwt']);
    const refused = await call(list, { headers: { authorization: basic('jobs-cli', secretOf('jobs-cli')) } });
    expect([refused.status, refused.body.error]).toEqual([400, 'unauthorized_client']);
  });
});
