import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issueAccessToken } from '@lanyard/access-token';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { basic, callOAuth, postToken, provisionedDatabase, statementsSent } from '../../auth-server.fixture.ts';
import { RegistryChanges } from '../../replicas/registry-changes.ts';
import { theServer } from '../../administration/current-administrator.ts';
import { Keys } from '../../administration/keys/keys.ts';
import { SigningKeys } from '../../signing-keys/signing-keys.ts';

const issuer = 'http://localhost:3000';
let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let app: NestFastifyApplication;

beforeAll(async () => {
  database = await provisionedDatabase({ REGISTRY_RECONCILIATION_PERIOD: '600', LOG_LEVEL: 'silent' });
  ({ app } = await database.startReplica());
});
afterAll(async () => {
  await app.close();
  await database.owner.end();
});

const as = (clientId: string) => basic(clientId, database.secretOf(clientId));
const tokenOf = async (clientId = 'batch-processor', form: Record<string, string> = {}): Promise<string> =>
  (await postToken(app, { grant_type: 'client_credentials', ...form }, { authorization: as(clientId) })).json()
    .access_token;
const introspect = (token: string, { clientId = 'jobs-api', headers = {}, form = {} } = {}) =>
  callOAuth(app, '/oauth/introspect', { form: { token, ...form }, authorization: as(clientId), headers });
const signed = { headers: { accept: 'application/token-introspection+jwt' } };

describe('POST /oauth/introspect', () => {
  it('returns the claims of an active token [introspection-response, RFC 7662 §2.2]', async () => {
    const token = await tokenOf();
    const response = await introspect(token, { form: { token_type_hint: 'refresh_token' } });
    expect(response.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
    });
    const { grant_id: _, ...claims } = decodeJwt(token);
    expect(response.json()).toEqual({ active: true, token_type: 'Bearer', ...claims });
  });

  it.each<[string, () => Promise<string>, string?]>([
    ['that is malformed', async () => 'x'],
    ['that is forged', async () => `${(await tokenOf()).slice(0, -6)}AAAAAA`],
    ['without a signature', async () => (await tokenOf()).replace(/[^.]*$/, '')],
    ['of an unknown key', async () => (await tokenOf()).replace(/^[^.]*/, btoa('{"alg":"ES256","kid":"x"}'))],
    ['that is meant for another resource', () => tokenOf('jobs-cli', { scope: 'runs:write' })],
    ['that is meant for another resource server', () => tokenOf(), 'batch-processor'],
    ['that is a signed introspection response', async () => (await introspect(await tokenOf(), signed)).body],
  ])(
    'returns nothing about a token %s but that it is not active [inactive-says-nothing, RFC 7662 §2.2] [introspection-of-own-tokens, RFC 7662 §4]',
    async (...[, token, clientId = 'jobs-api']) => {
      const response = await introspect(await token(), { clientId });
      expect([response.statusCode, response.body]).toEqual([200, '{"active":false}']);
    },
  );

  it('returns nothing about an expired token except that it is not active [inactive-says-nothing, RFC 7662 §2.2]', async () => {
    const grant = { clientId: 'batch-processor', audience: 'http://localhost:3002', scope: 'jobs:read', lifetime: 600 };
    const issued = (secondsAgo: number) =>
      issueAccessToken(issuer, app.get(SigningKeys).current, grant, Math.floor(Date.now() / 1000) - secondsAgo).token;
    expect((await introspect(issued(590))).json().active).toBe(true);
    expect((await introspect(issued(610))).body).toBe('{"active":false}');
  });

  it('is only for resource servers [authenticated-introspection, RFC 7662 §2.1]', async () => {
    const response = await introspect(await tokenOf(), { clientId: 'jobs-cli' });
    expect([response.statusCode, response.json().error]).toEqual([400, 'unauthorized_client']);
  });

  it('signs the response for the client if the client accepts that [signed-introspection, RFC 9701 §5]', async () => {
    const keys = createLocalJWKSet((await app.inject('/.well-known/jwks.json')).json());
    for (const token of [await tokenOf(), 'x']) {
      const response = await introspect(token, signed);
      expect(response.headers['content-type']).toBe('application/token-introspection+jwt');
      const options = { issuer, audience: 'jobs-api', typ: 'token-introspection+jwt', algorithms: ['ES256'] };
      const { payload } = await jwtVerify(response.body, keys, options);
      const plain = (await introspect(token)).json();
      expect(payload).toEqual({ iss: issuer, aud: 'jobs-api', iat: expect.any(Number), token_introspection: plain });
    }
  });

  it.each([
    ['*/*', 'application/json; charset=utf-8'],
    ['application/json', 'application/json; charset=utf-8'],
    ['text/html', 'application/json; charset=utf-8'],
    ['Application/Token-Introspection+JWT;q=0.5', 'application/token-introspection+jwt'],
    ['application/token-introspection+jwt;q=0.5, application/json', 'application/json; charset=utf-8'],
    ['application/token-introspection+jwt;q=0, */*', 'application/json; charset=utf-8'],
  ])('answers a request that accepts %s with %s', async (accept, type) => {
    expect((await introspect('x', { headers: { accept } })).headers['content-type']).toBe(type);
  });

  it('accepts a token of a new key whose notification was lost; one read a second serves all tokens of unknown keys [unknown-kid-cooldown, Lanyard]', async () => {
    const { app: ahead } = await database.startReplica();
    await database.owner.query('ALTER TABLE signing_key DISABLE TRIGGER signing_key_changed');
    await ahead.get(Keys).replaceAll(theServer('auth-server'));
    await database.owner.query('ALTER TABLE signing_key ENABLE TRIGGER signing_key_changed');
    await database.owner.query(`INSERT INTO registry_change (subject) VALUES ('signing_keys')`);
    await ahead.get(RegistryChanges).catchUp();
    const authorization = as('batch-processor');
    const token = (await postToken(ahead, { grant_type: 'client_credentials' }, { authorization })).json().access_token;
    const garbage = token.replace(/^[^.]*/, btoa('{"alg":"ES256","typ":"at+jwt","kid":"x"}').replaceAll('=', ''));
    await sleep(1200);
    expect((await introspect(token)).json().active).toBe(true);
    const before = statementsSent(database);
    expect(before).toBeGreaterThan(0);
    const begun = performance.now();
    for (let i = 0; i < 300; i++) expect((await introspect(garbage)).body).toBe('{"active":false}');
    const seconds = (performance.now() - begun) / 1000;
    expect(statementsSent(database) - before).toBeLessThan(10 + 5 * seconds);
    await ahead.close();
  });

  it('needs no statement for a token that is not revoked', async () => {
    const token = await tokenOf();
    await introspect(token);
    const before = statementsSent(database);
    const begun = performance.now();
    for (let i = 0; i < 1000; i++) expect((await introspect(token)).json().active).toBe(true);
    // Uses of secrets are written in batches: by time, not by request.
    const seconds = (performance.now() - begun) / 1000;
    expect(statementsSent(database) - before).toBeLessThan(5 + 2 * seconds);
  });
});
