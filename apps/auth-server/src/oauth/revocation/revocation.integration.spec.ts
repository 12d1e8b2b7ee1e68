import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { revocationsIn, signJwt, validateRevocationList, type Revocation } from '@lanyard/access-token';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { isDatabaseUnavailable, Management } from '@lanyard/service-defaults';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader } from 'jose';
import { DataSource } from 'typeorm';
import {
  administratorOf,
  allowConnections,
  basic,
  callOAuth,
  killConnections,
  killListeners,
  postToken,
  provisionedDatabase,
  statementsSent,
  proxyThatStalls,
} from '../../auth-server.fixture.ts';
import { Housekeeping } from '../../housekeeping/housekeeping.ts';
import { RegistryChanges } from '../../replicas/registry-changes.ts';
import { theServer } from '../../administration/current-administrator.ts';
import { Keys } from '../../administration/keys/keys.ts';
import { SigningKeys } from '../../signing-keys/signing-keys.ts';
import { RevocationState } from '../../revoked-tokens/revocation-state.ts';

const issuer = 'http://localhost:3000';
let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let one: NestFastifyApplication;
let other: NestFastifyApplication;
let logs: string[];
let administrator: Awaited<ReturnType<typeof administratorOf>>;
let batchProcessor: string;
let jobsApi: string;

beforeAll(async () => {
  // No reconciliation during the tests: replicas learn of changes only by notification.
  database = await provisionedDatabase({ REGISTRY_RECONCILIATION_PERIOD: '600' });
  ({ app: one, logs } = await database.startReplica());
  ({ app: other } = await database.startReplica());
  administrator = await administratorOf(one, database);
  batchProcessor = basic('batch-processor', database.secretOf('batch-processor'));
  jobsApi = basic('jobs-api', database.secretOf('jobs-api'));
});
afterAll(async () => {
  await Promise.all([one.close(), other.close()]);
  await database.owner.end();
});

afterEach(() => {
  jest.restoreAllMocks();
});

const tokenOf = async (authorization = batchProcessor, app = one): Promise<string> =>
  (await postToken(app, { grant_type: 'client_credentials' }, { authorization })).json().access_token;
const revoke = (token: string, authorization = batchProcessor, app = one) =>
  callOAuth(app, '/oauth/revoke', { form: { token }, authorization });
const isActive = async (token: string, app = one): Promise<boolean> =>
  (await callOAuth(app, '/oauth/introspect', { form: { token }, authorization: jobsApi })).json().active;
const getList = (query = '', headers: object = {}, app = one, authorization = jobsApi) =>
  callOAuth(app, `/oauth/revocations${query}`, { authorization, headers });
async function entriesOf(response: Awaited<ReturnType<typeof getList>>): Promise<Revocation[]> {
  expect(response.statusCode).toBe(200);
  return [...revocationsIn(await validated(response.body))];
}
async function validated(list: string) {
  const keys = createLocalJWKSet((await one.inject('/.well-known/jwks.json')).json());
  return validateRevocationList(list, keys, { issuer });
}
/** Waits until the token is inactive at every replica. */
async function untilInactive(token: string): Promise<void> {
  while ((await isActive(token, one)) || (await isActive(token, other))) await sleep(2);
}
/** With the server's own key, but not by the server. */
const signed = (claims: object): string => {
  const { kid, privateKey } = one.get(SigningKeys).current;
  const now = Math.floor(Date.now() / 1000);
  const usual = { iss: issuer, aud: 'http://localhost:3002', sub: 'batch-processor', client_id: 'batch-processor' };
  const own = { jti: 'x', iat: now, exp: now + 600, ...claims };
  return signJwt({ alg: 'ES256', typ: 'at+jwt', kid }, { ...usual, ...own }, privateKey);
};
const eventsOf = async () =>
  (await administrator.call('GET', '/admin/audit?type=access_token.revoked&order=newest')).json().items;

describe('POST /oauth/revoke', () => {
  it('revokes a token of the client, at every replica, with an event [revoked-token, RFC 7009 §2]', async () => {
    const [token, another] = [await tokenOf(), await tokenOf()];
    const response = await revoke(token);
    expect([response.statusCode, response.body, response.headers['cache-control']]).toEqual([200, '', 'no-store']);
    expect(await isActive(token)).toBe(false);
    await untilInactive(token);
    expect(await isActive(another)).toBe(true);
    const { jti } = decodeJwt(token);
    const [event] = await eventsOf();
    expect(event).toMatchObject({ actor: 'batch-processor', client_id: 'batch-processor', details: { jti } });
    expect(logs.join()).not.toContain(token);
  });

  it('gives the same answer to a repeated request, and leaves one event', async () => {
    const token = await tokenOf();
    const before = (await eventsOf()).length;
    for (let i = 0; i < 3; i++) expect((await revoke(token)).statusCode).toBe(200);
    const both = await Promise.all([
      revoke(await tokenOf(), batchProcessor, one),
      revoke(token, batchProcessor, other),
    ]);
    expect(both.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    expect((await eventsOf()).length).toBe(before + 2);
    const [first, again] = [await tokenOf(), await tokenOf()];
    await Promise.all([first, again, again, again].map((each) => revoke(each)));
    expect((await eventsOf()).length).toBe(before + 4);
    const third = await tokenOf();
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        sleep(i).then(() => revoke(third, batchProcessor, i % 2 === 0 ? one : other)),
      ),
    );
    expect((await eventsOf()).length).toBe(before + 5);
  });

  it.each([
    ['no token at all', async () => 'x'],
    ['a forged one', async () => `${(await tokenOf()).slice(0, -6)}AAAAAA`],
    ['one without a signature', async () => (await tokenOf()).replace(/[^.]*$/, '')],
    ['a revocation list', async () => (await getList()).body],
  ])('answers 200 for %s [unknown-token-is-no-error, RFC 7009 §2.2]', async (_, token) => {
    const before = await entriesOf(await getList());
    expect((await revoke(await token())).statusCode).toBe(200);
    expect(await entriesOf(await getList())).toEqual(before);
  });

  it('reads the keys again for a token of a new key, and acknowledges nothing if it cannot', async () => {
    const separate = await provisionedDatabase({ REGISTRY_RECONCILIATION_PERIOD: '600', LOG_LEVEL: 'silent' });
    const authorization = basic('batch-processor', separate.secretOf('batch-processor'));
    const { app } = await separate.startReplica();
    const { app: behind } = await separate.startReplica();
    await tokenOf(authorization, behind);
    // The notification is lost, and the other replica keeps its old keys.
    await separate.owner.query('ALTER TABLE signing_key DISABLE TRIGGER signing_key_changed');
    await app.get(Keys).replaceAll(theServer('auth-server'));
    await separate.owner.query(`INSERT INTO registry_change (subject) VALUES ('signing_keys')`);
    await app.get(RegistryChanges).catchUp();
    const [token, later] = [await tokenOf(authorization, app), await tokenOf(authorization, app)];
    expect((await revoke(token, authorization, behind)).statusCode).toBe(200);
    const { rows } = await separate.owner.query('SELECT id FROM revocation WHERE kind = $1', ['jti']);
    expect(rows).toEqual([{ id: decodeJwt(token).jti }]);
    await killConnections(separate);
    const unknownKey = later.replace(/^[^.]*/, btoa('{"alg":"ES256","typ":"at+jwt","kid":"new"}').replaceAll('=', ''));
    expect((await revoke(unknownKey, authorization, behind)).statusCode).toBe(503);
    await allowConnections(separate);
    await Promise.all([app.close(), behind.close()]);
    await separate.owner.end();
  });

  it.each([
    ['that expires in a million years', {}],
    ['that is issued then, too', { iat: 32e12 - 600 }],
  ])('remembers for a year a token of a key thief %s', async (_, claims) => {
    const jti = randomUUID();
    expect((await revoke(signed({ jti, exp: 32e12, ...claims }))).statusCode).toBe(200);
    const entry = (await entriesOf(await getList())).find(({ id }) => id === jti);
    expect(Math.abs(entry!.until - Date.now() / 1000 - 366 * 86_400)).toBeLessThan(60);
  });

  it.each(['a\0b', 'x'.repeat(65), 'ä'])('says that this server did not issue the jti %j', async (jti) => {
    const token = signed({ jti });
    const refused = await revoke(token);
    expect([refused.statusCode, refused.json().error]).toEqual([400, 'invalid_request']);
    const explained = await administrator.call('POST', '/admin/revocations', { token });
    expect([explained.statusCode, explained.json().errors[0].message]).toEqual([
      400,
      expect.stringContaining(
        `its jti was not issued by this server: the signing key was stolen; withdraw the key ${decodeProtectedHeader(token).kid}`,
      ),
    ]);
  });

  it('keeps signing with its key if it cannot read the new one', async () => {
    const separate = await provisionedDatabase({ REGISTRY_RECONCILIATION_PERIOD: '0.2', LOG_LEVEL: 'silent' });
    const authorization = basic('batch-processor', separate.secretOf('batch-processor'));
    const asJobsApi = basic('jobs-api', separate.secretOf('jobs-api'));
    const { app } = await separate.startReplica();
    await tokenOf(authorization, app);
    await separate.owner.query(`
      UPDATE signing_key SET retired_at = now();
      INSERT INTO signing_key (kid, public_jwk, encrypted_private_key, activated_at)
        SELECT 'unreadable', jsonb_set(public_jwk, '{kid}', '"unreadable"'), 'x', now() FROM signing_key`);
    for (let i = 0; i < 200 && app.get(SigningKeys).jwks.keys.length < 2; i++) await sleep(10);
    await app.get(RegistryChanges).requireCaughtUp();
    const token = await tokenOf(authorization, app);
    const form = { token };
    expect((await callOAuth(app, '/oauth/introspect', { form, authorization: asJobsApi })).json().active).toBe(true);
    const unknownKey = token.replace(/^[^.]*/, btoa('{"alg":"ES256","typ":"at+jwt","kid":"new"}').replaceAll('=', ''));
    expect((await revoke(unknownKey, authorization, app)).statusCode).toBe(200);
    expect((await revoke(token, authorization, app)).statusCode).toBe(200);
    expect((await getList('', {}, app, asJobsApi)).statusCode).toBe(200);
    await app.close();
    await separate.owner.end();
  });

  it('refuses to revoke a token of another client [own-tokens-only, RFC 7009 §2]', async () => {
    const token = await tokenOf();
    const response = await revoke(token, basic('jobs-cli', database.secretOf('jobs-cli')));
    expect([response.statusCode, response.json()]).toEqual([
      400,
      { error: 'invalid_request', error_description: 'the token was issued to another client' },
    ]);
    expect(await isActive(token)).toBe(true);
  });

  it.each([
    ['without a token', {}, 400, 'invalid_request'],
    ['with an empty token', { token: '' }, 400, 'invalid_request'],
  ])('is refused %s', async (_, form, status, error) => {
    const response = await callOAuth(one, '/oauth/revoke', { form, authorization: batchProcessor });
    expect([response.statusCode, response.json().error]).toEqual([status, error]);
  });

  it.each(['/oauth/revoke', '/oauth/introspect'])(
    '%s needs a client that authenticates, and POST [authenticated-revocation, RFC 7009 §2.1] [authenticated-introspection, RFC 7662 §2.1]',
    async (url) => {
      const form = { token: await tokenOf() };
      for (const authorization of [undefined, basic('batch-processor', 'wrong')]) {
        const response = await callOAuth(one, url, { form, authorization });
        expect([response.statusCode, response.json().error, response.headers['www-authenticate']]).toEqual([
          401,
          'invalid_client',
          'Basic realm="lanyard"',
        ]);
      }
      const got = await callOAuth(one, url, { authorization: batchProcessor });
      expect([got.statusCode, got.headers.allow]).toEqual([405, 'POST']);
      const json = await one.inject({ method: 'POST', url, headers: { authorization: batchProcessor }, payload: form });
      expect([json.statusCode, json.json().error]).toEqual([400, 'invalid_request']);
    },
  );

  it('accepts no one-time secret, and does not consume it', async () => {
    const fresh = await provisionedDatabase({ LOG_LEVEL: 'silent' });
    const { app } = await fresh.startReplica();
    const { rows } = await fresh.owner.query(`SELECT count(*) FROM client_secret WHERE one_time`);
    expect(rows[0].count).toBe('1');
    const { readFileSync } = await import('node:fs');
    const secret = readFileSync(`${fresh.settings.SECRETS_DIRECTORY}/administrator/one_time_secret`, 'utf8');
    const authorization = basic('administrator', secret);
    expect((await revoke('x', authorization, app)).statusCode).toBe(401);
    expect((await postToken(app, { grant_type: 'client_credentials' }, { authorization })).statusCode).toBe(200);
    await app.close();
    await fresh.owner.end();
  });
});

describe('revocation by administrators', () => {
  const revokeAll = (body: object) => administrator.call('POST', '/admin/revocations', body);

  it('revokes one token, by itself or by its jti', async () => {
    const [token, byJti, kept] = [await tokenOf(), await tokenOf(), await tokenOf()];
    expect((await revokeAll({ token })).statusCode).toBe(204);
    expect((await revokeAll({ jti: decodeJwt(byJti).jti })).statusCode).toBe(204);
    expect([await isActive(token), await isActive(byJti), await isActive(kept)]).toEqual([false, false, true]);
    expect((await revokeAll({ token: 'x' })).statusCode).toBe(204);
  });

  it('reads new keys with a pool of only one connection', async () => {
    const separate = await provisionedDatabase({ DATABASE_POOL_SIZE: '1', LOG_LEVEL: 'silent' });
    const { app } = await separate.startReplica();
    const { call } = await administratorOf(app, separate);
    const unknownKey = `${btoa('{"alg":"ES256","typ":"at+jwt","kid":"new"}').replaceAll('=', '')}.${btoa('{"aud":"x"}')}.x`;
    expect((await call('POST', '/admin/revocations', { token: unknownKey })).statusCode).toBe(204);
    await app.close();
    await separate.owner.end();
  });

  it('revokes all tokens of a client, and none that it obtains from then on [acts-are-audited, Lanyard]', async () => {
    const [before, others] = [await tokenOf(), await tokenOf(basic('jobs-cli', database.secretOf('jobs-cli')))];
    expect((await revokeAll({ client_id: 'batch-processor' })).statusCode).toBe(204);
    // In the same second, and at the same replica.
    const after = await tokenOf();
    expect([await isActive(before), await isActive(after), await isActive(others)]).toEqual([false, true, true]);
    await untilInactive(before);
    expect((await eventsOf())[0]).toMatchObject({ actor: 'administrator', client_id: 'batch-processor', details: {} });
  });

  const aSecret = async (): Promise<{ client_secret: string; secret_id: string; path: string }> => {
    const path = '/admin/clients/batch-processor/secrets';
    const created = (await administrator.call('POST', path, {})).json();
    return { ...created, path: `${path}/${created.secret_id}` };
  };

  it('revokes the tokens that one secret has obtained so far', async () => {
    const { client_secret: secret, secret_id: secretId } = await aSecret();
    const own = basic('batch-processor', secret);
    const [first, others] = [await tokenOf(own), await tokenOf()];
    expect((await revokeAll({ secret_id: secretId })).statusCode).toBe(204);
    expect([await isActive(first), await isActive(others)]).toEqual([false, true]);
    expect(await isActive(await tokenOf(own))).toBe(true);
    expect((await eventsOf())[0].details).toEqual({ secret_id: secretId });
  });

  it('revokes the tokens of a secret when the secret is removed, at every replica [lost-rights, Lanyard]', async () => {
    const { client_secret: secret, secret_id: secretId, path } = await aSecret();
    const own = basic('batch-processor', secret);
    const [first, second, others] = [await tokenOf(own), await tokenOf(own, other), await tokenOf()];
    expect((await administrator.call('DELETE', path)).statusCode).toBe(204);
    for (const token of [first, second]) await untilInactive(token);
    expect([await isActive(others), await isActive(others, other)]).toEqual([true, true]);
    // A removed secret is still known.
    expect((await revokeAll({ secret_id: secretId })).statusCode).toBe(204);
  });

  it('keeps the tokens of a secret whose overlap has ended until the secret is removed [lost-rights, Lanyard]', async () => {
    const client_id = 'overlapping';
    const request = { client_id, scope: 'jobs:read', default_scope: 'jobs:read' };
    const { client_secret: secret } = (await administrator.call('POST', '/admin/clients', request)).json();
    const path = `/admin/clients/${client_id}/secrets`;
    const token = await tokenOf(basic(client_id, secret));
    await administrator.call('POST', path, { overlap: 0 });
    expect((await postToken(one, {}, { authorization: basic(client_id, secret) })).statusCode).toBe(401);
    expect([await isActive(token), await isActive(token, other)]).toEqual([true, true]);
    const [, { secret_id: old }] = (await administrator.call('GET', path)).json().items;
    await administrator.call('DELETE', `${path}/${old}`);
    await untilInactive(token);
  });

  it('keeps the token of a consumed one-time secret until all tokens of the client are revoked', async () => {
    const fresh = await provisionedDatabase({ LOG_LEVEL: 'silent' });
    const { app } = await fresh.startReplica();
    const { readFileSync } = await import('node:fs');
    const secret = readFileSync(`${fresh.settings.SECRETS_DIRECTORY}/administrator/one_time_secret`, 'utf8');
    const headers = { authorization: `Bearer ${await tokenOf(basic('administrator', secret), app)}` };
    const status = async () => (await app.inject({ url: '/admin/clients', headers })).statusCode;
    expect(await status()).toBe(200);
    const payload = { client_id: 'administrator' };
    expect((await app.inject({ method: 'POST', url: '/admin/revocations', headers, payload })).statusCode).toBe(204);
    expect(await status()).toBe(401);
    await app.close();
    await fresh.owner.end();
  });

  it.each(['disable', 'delete', 'apply'])('revokes the tokens of a client with: %s', async (act) => {
    const { client_secret: secret } = (
      await administrator.call('POST', '/admin/clients', {
        client_id: act,
        scope: 'jobs:read',
        default_scope: 'jobs:read',
      })
    ).json();
    const token = await tokenOf(basic(act, secret));
    expect(await isActive(token)).toBe(true);
    if (act === 'disable') await administrator.call('POST', `/admin/clients/${act}/disable`);
    if (act === 'delete') await administrator.call('DELETE', `/admin/clients/${act}`);
    if (act === 'apply') {
      const jobs = { identifier: 'http://localhost:3002', name: 'Jobs API', scopes: { 'jobs:read': 'Read' } };
      const registry = { resources: [jobs], clients: [{ client_id: act, disabled: true }] };
      await administrator.call('POST', '/admin/registry', { registry });
    }
    expect(await isActive(token)).toBe(false);
    await untilInactive(token);
    if (act !== 'disable') return;
    // An enabled client does not get its revoked tokens back.
    await administrator.call('POST', `/admin/clients/${act}/enable`);
    expect([await isActive(token), await isActive(await tokenOf(basic(act, secret)))]).toEqual([false, true]);
  });

  it("ends an administrator's own access with the client [revoked-token, RFC 7009 §2]", async () => {
    const { client_secret: secret } = (
      await administrator.call('POST', '/admin/clients', {
        client_id: 'auditor',
        scope: 'audit:read',
        default_scope: 'audit:read',
      })
    ).json();
    const token = await tokenOf(basic('auditor', secret));
    const audit = () => administrator.call('GET', '/admin/audit?limit=1', undefined, {}, token);
    expect((await audit()).statusCode).toBe(200);
    await administrator.call('POST', '/admin/clients/auditor/disable');
    const refused = await audit();
    expect([refused.statusCode, refused.headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining('error_description="the access token was revoked"'),
    ]);
  });

  it('withdraws one signing key with its tokens', async () => {
    const separate = await provisionedDatabase({ LOG_LEVEL: 'silent' });
    const { app } = await separate.startReplica();
    const { call, tokenFor } = await administratorOf(app, separate);
    const as = (clientId: string) => basic(clientId, separate.secretOf(clientId));
    const active = async (token: string) =>
      (await callOAuth(app, '/oauth/introspect', { form: { token }, authorization: as('jobs-api') })).json().active;
    const keys = async () => (await app.inject('/.well-known/jwks.json')).json().keys;
    await call('POST', '/admin/keys/rotate', {});
    const token = await tokenOf(as('batch-processor'), app);
    const { kid = '' } = decodeProtectedHeader(token);
    const announced = (await keys()).find((key: { kid: string }) => key.kid !== kid);

    const response = await call('POST', `/admin/keys/${kid}/withdraw`);
    expect(response.statusCode).toBe(200);
    expect(await active(token)).toBe(false);
    expect(await active(await tokenOf(as('batch-processor'), app))).toBe(true);
    // The announced one is still announced; a third one signs.
    const states = response.json().items.map((key: { kid: string; state: string }) => [key.kid, key.state]);
    expect(states).toEqual([
      [expect.not.stringMatching(kid), 'signing'],
      [announced.kid, 'announced'],
    ]);
    const list = await getList('', {}, app, as('jobs-api'));
    const { revoked } = await validateRevocationList(list.body, createLocalJWKSet({ keys: await keys() }), { issuer });
    expect(Object.values(revoked.kid ?? {})).toEqual([[kid]]);
    // The administrator's own token was signed by it.
    expect((await call('GET', '/admin/keys')).statusCode).toBe(401);
    const again = await call('POST', `/admin/keys/${kid}/withdraw`, undefined, {}, await tokenFor('keys:rotate'));
    expect(again.statusCode).toBe(404);
    await app.close();
    await separate.owner.end();
  });

  it('lists the revocations, in pages', async () => {
    const all = (await administrator.call('GET', '/admin/revocations')).json().items;
    expect(all.length).toBeGreaterThan(5);
    const pages: unknown[] = [];
    for (let next = '/admin/revocations?limit=3'; next;) {
      const page = (await administrator.call('GET', next)).json();
      pages.push(...page.items);
      ({ next } = page);
    }
    expect(pages).toEqual(all);
    const { items } = (await administrator.call('GET', '/admin/revocations?client_id=batch-processor&kind=jti')).json();
    expect(items.length).toBeGreaterThan(0);
    expect(new Set(items.map((item: { kind: string }) => item.kind))).toEqual(new Set(['jti']));
    expect(items[0]).toEqual({
      sequence: expect.any(Number),
      kind: 'jti',
      id: expect.any(String),
      client_id: 'batch-processor',
      revoked_at: expect.any(String),
      ends_at: expect.any(String),
    });
  });

  it.each([
    [{}, 400],
    [{ client_id: 'batch-processor', jti: 'x' }, 400],
    [{ kid: 'x' }, 400],
    [{ jti: '' }, 400],
    [{ client_id: 'nobody' }, 404],
    [{ secret_id: '7f1b3d1e-0000-4000-8000-000000000000' }, 404],
  ])('refuses %j with %i', async (body, status) => {
    expect((await revokeAll(body)).statusCode).toBe(status);
  });

  it('needs the scopes of the client whose tokens it revokes [own-administrative-scopes, Lanyard]', async () => {
    const token = await administrator.tokenFor('tokens:revoke');
    const response = await administrator.call('POST', '/admin/revocations', { client_id: 'administrator' }, {}, token);
    expect([response.statusCode, response.json().type]).toEqual([403, 'urn:lanyard:problem:beyond-own-scope']);
  });
});

describe('GET /oauth/revocations', () => {
  it('is a signed list of the entries after a cursor, even if there are none', async () => {
    const whole = await getList();
    expect(whole.headers).toMatchObject({
      'content-type': 'application/revocations+jwt',
      'cache-control': 'no-store',
    });
    const { cursor, since } = await validated(whole.body);
    expect(since).toBeUndefined();
    const token = await tokenOf();
    await revoke(token);
    const delta = await getList(`?cursor=${cursor}`);
    expect((await validated(delta.body)).since).toBe(cursor);
    expect(await entriesOf(delta)).toEqual([
      { kind: 'jti', id: decodeJwt(token).jti, until: decodeJwt(token).exp! + 300 },
    ]);
    const newest = (await validated(delta.body)).cursor;
    const unchanged = await getList(`?cursor=${newest}`, { 'if-none-match': `W/"${newest}"` });
    expect(await validated(unchanged.body)).toMatchObject({ cursor: newest, since: newest, revoked: {} });
  });

  it('waits for new entries, which may come from another replica [waiting-requests, RFC 7240 §4.3]', async () => {
    const { cursor } = await validated((await getList()).body);
    const waiting = getList(`?cursor=${cursor}`, { prefer: 'wait=10' });
    while (one.get(RevocationState).waiting.size === 0) await sleep(5);
    const token = await tokenOf();
    await revoke(token, batchProcessor, other);
    const response = await waiting;
    expect(response.headers['preference-applied']).toBe('wait=10');
    expect((await entriesOf(response)).map(({ id }) => id)).toEqual([decodeJwt(token).jti]);
  });

  it('waits no longer than requested [waiting-requests, RFC 7240 §4.3]', async () => {
    const { cursor, iat } = await validated((await getList()).body);
    const begun = performance.now();
    const response = await getList(`?cursor=${cursor}`, { prefer: 'wait=1' });
    expect(performance.now() - begun).toBeGreaterThan(900);
    expect([response.statusCode, response.headers['preference-applied']]).toEqual([200, 'wait=1']);
    // Signed when the wait was over: it describes the state of now.
    const nothing = await validated(response.body);
    expect(nothing).toMatchObject({ cursor, revoked: {} });
    expect(nothing.iat).toBeGreaterThan(iat);
  });

  it('costs few signatures, whatever cursors are requested [few-signatures, Lanyard]', async () => {
    for (const token of await Promise.all(Array.from({ length: 60 }, () => tokenOf()))) await revoke(token);
    const { cursor } = await validated((await getList()).body);
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now);
    const texts = new Map<string, string>();
    for (let i = 0; i < 300; i++) {
      const after = i % 2 ? cursor - i * 997 : i * 1_000_003;
      const { body } = await getList(`?cursor=${after}`);
      const [, claims = ''] = body.split('.');
      texts.set(claims, body);
    }
    // Of 1, 8 and 64 entries, and all.
    expect(texts.size).toBeLessThanOrEqual(4);
    for (const body of texts.values()) expect((await validated(body)).cursor).toBe(cursor);
  });

  it('is read some thousand rows at a time, and served in parts [sliced-work, Lanyard]', async () => {
    const separate = await provisionedDatabase({ LOG_LEVEL: 'silent' });
    const { app } = await separate.startReplica();
    const revocations = app.get(RevocationState);
    await separate.owner.query('ALTER TABLE revocation DISABLE TRIGGER ALL');
    await separate.owner.query(`INSERT INTO revocation (sequence, kind, id, ends_at)
      SELECT number, 'jti', number, now() + interval '1 hour' FROM generate_series(1, 25000) AS number`);
    const cursorsSeen = [0];
    const loaded = revocations.load().then(() => true);
    while (!(await Promise.race([loaded, nextTurn(false)]))) cursorsSeen.push(revocations.cursor);
    cursorsSeen.push(revocations.cursor);
    const steps = cursorsSeen.slice(1).map((cursor, index) => cursor - (cursorsSeen[index] ?? 0));
    expect([revocations.cursor, Math.max(...steps) <= 2000]).toEqual([25_000, true]);

    const keys = createLocalJWKSet((await app.inject('/.well-known/jwks.json')).json());
    const ids = new Set<string>();
    const cursors = [];
    for (let query = ''; ;) {
      const { body } = await getList(query, {}, app, basic('jobs-api', separate.secretOf('jobs-api')));
      const list = await validateRevocationList(body, keys, { issuer });
      for (const { id } of revocationsIn(list)) ids.add(id);
      cursors.push(list.cursor);
      if (!list.more) break;
      query = `?cursor=${list.cursor}`;
    }
    expect([ids.size, cursors]).toEqual([25_000, [10_000, 25_000]]);
    await app.close();
    await separate.owner.end();
  });

  it('reads the database only now and then, however many requests have an unknown cursor [few-signatures, Lanyard]', async () => {
    const { cursor } = await validated((await getList()).body);
    const before = statementsSent(database);
    const begun = performance.now();
    for (let i = 0; i < 40; i++) expect((await getList(`?cursor=${cursor + 1e9}`)).statusCode).toBe(200);
    const possible = (performance.now() - begun) / 50;
    // In addition to the periodic statements of both replicas.
    expect(statementsSent(database) - before).toBeLessThanOrEqual(possible + 10);
  });

  it('is the whole list for a cursor after its end', async () => {
    const list = await validated((await getList('?cursor=9999999999999999')).body);
    expect(list.since).toBeUndefined();
  });

  it('serves a cursor that another replica gave, even if no entry is left', async () => {
    const { app: third } = await database.startReplica();
    const { cursor } = await validated((await getList()).body);
    expect((await validated((await getList('', {}, third)).body)).cursor).toBe(cursor);
    await third.close();
    await database.owner.query(`UPDATE revocation SET ends_at = now() - interval '2 seconds'`);
    await one.get(Housekeeping).tidy();
    expect((await database.owner.query('SELECT count(*) FROM revocation')).rows[0].count).toBe('1');
    const { app: fourth } = await database.startReplica();
    const list = await getList('', {}, fourth);
    expect([(await validated(list.body)).cursor, await entriesOf(list)]).toEqual([cursor, []]);
    await fourth.close();
  });

  it.each(['?cursor=x', '?cursor=-1', '?cursor=1&cursor=2', '?cursor='])('refuses %s', async (query) => {
    const response = await getList(query);
    expect([response.statusCode, response.json().error]).toEqual([400, 'invalid_request']);
  });

  it('is only for resource servers', async () => {
    const refused = await getList('', {}, one, basic('jobs-cli', database.secretOf('jobs-cli')));
    expect([refused.statusCode, refused.json().error]).toEqual([400, 'unauthorized_client']);
    expect((await callOAuth(one, '/oauth/revocations', {})).statusCode).toBe(401);
    const posted = await callOAuth(one, '/oauth/revocations', { form: {}, authorization: jobsApi });
    expect([posted.statusCode, posted.headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it('has each of many concurrent revocations through all replicas, in the order of its cursors', async () => {
    const tokens = await Promise.all(Array.from({ length: 200 }, () => tokenOf()));
    const seen = new Set<string>();
    let { cursor } = await validated((await getList()).body);
    const follow = (async () => {
      while (seen.size < 200) {
        const response = await getList(`?cursor=${cursor}`, { prefer: 'wait=1' }, other);
        for (const { id } of await entriesOf(response)) seen.add(id);
        ({ cursor } = await validated(response.body));
      }
    })();
    await Promise.all(
      tokens.map(async (token, index) =>
        expect((await revoke(token, batchProcessor, index % 2 ? one : other)).statusCode).toBe(200),
      ),
    );
    await follow;
    for (const token of tokens) expect(seen).toContain(decodeJwt(token).jti);
  });

  it('continues after a backup was restored, with its earlier entries and new ones', async () => {
    const [before, after] = [await tokenOf(), await tokenOf()];
    // However many there were a moment ago, their numbers are not ahead of the clock.
    const many = await Promise.all(Array.from({ length: 200 }, () => tokenOf()));
    await Promise.all(many.map((token) => revoke(token)));
    await revoke(before);
    const { cursor } = await validated((await getList()).body);
    await database.owner.query('DELETE FROM revocation');
    await revoke(after);
    await untilInactive(after);
    expect([await isActive(before), await isActive(before, other)]).toEqual([false, false]);
    // Numbers are not reused, so the new one is not taken for a known one.
    for (const app of [one, other]) {
      const list = await getList(`?cursor=${cursor}`, {}, app);
      expect((await entriesOf(list)).map(({ id }) => id)).toEqual([decodeJwt(after).jti]);
    }
  });

  it('is not served as complete if an entry could not be read', async () => {
    const { cursor } = await validated((await getList()).body);
    const role = new URL(database.settings.DATABASE_URL!).username;
    await database.owner.query(`REVOKE SELECT ON revocation FROM "${role}"`);
    await database.owner.query(`INSERT INTO revocation (sequence, kind, id, ends_at)
      SELECT max(sequence) + 1, 'jti', 'unread', now() + interval '1 hour' FROM revocation`);
    let list = await getList(`?cursor=${cursor}`);
    for (let i = 0; i < 1000 && list.statusCode === 200; i++) {
      await sleep(10);
      list = await getList(`?cursor=${cursor}`);
    }
    expect(list.statusCode).toBe(503);
    await database.owner.query(`GRANT SELECT ON revocation TO "${role}"`);
    for (let i = 0; i < 1000 && list.statusCode !== 200; i++) {
      await sleep(10);
      list = await getList(`?cursor=${cursor}`);
    }
    expect((await entriesOf(list)).map(({ id }) => id)).toEqual(['unread']);
    for (let i = 0; i < 1000 && (await validated((await getList('', {}, other)).body)).stale; i++) await sleep(10);
  });

  it('misses nothing while the notifying connections are cut', async () => {
    for (let round = 0; round < 5; round++) {
      const tokens = await Promise.all(Array.from({ length: 5 }, () => tokenOf()));
      const revoked = Promise.all(tokens.map((token, i) => revoke(token, batchProcessor, i % 2 ? one : other)));
      await killListeners(database);
      expect((await revoked).map(({ statusCode }) => statusCode)).toEqual(Array(5).fill(200));
      for (const token of tokens) await untilInactive(token);
    }
  });
});

describe('without the database', () => {
  it('refuses revocation with 503, loses no acknowledged revocation, and still introspects tokens', async () => {
    const away = await provisionedDatabase({ REGISTRY_RECONCILIATION_PERIOD: '0.5', LOG_LEVEL: 'silent' });
    const { app } = await away.startReplica();
    const authorization = basic('batch-processor', away.secretOf('batch-processor'));
    const asJobsApi = basic('jobs-api', away.secretOf('jobs-api'));
    const active = async (token: string) =>
      (await callOAuth(app, '/oauth/introspect', { form: { token }, authorization: asJobsApi })).json().active;
    const [acknowledged, refused] = [await tokenOf(authorization, app), await tokenOf(authorization, app)];
    expect(await active(refused)).toBe(true);
    expect((await revoke(acknowledged, authorization, app)).statusCode).toBe(200);
    await killConnections(away);

    const answer = await revoke(refused, authorization, app);
    expect([answer.statusCode, answer.json().error, answer.headers['retry-after']]).toEqual([
      503,
      'temporarily_unavailable',
      '1',
    ]);
    // Known clients still get tokens.
    const meanwhile = await tokenOf(authorization, app);
    expect([await active(acknowledged), await active(refused), await active(meanwhile)]).toEqual([false, true, true]);
    await allowConnections(away);
    expect((await revoke(refused, authorization, app)).statusCode).toBe(200);
    await app.close();
    const { app: next } = await away.startReplica();
    const list = await getList('', {}, next, asJobsApi);
    const keys = createLocalJWKSet((await next.inject('/.well-known/jwks.json')).json());
    const ids = [...revocationsIn(await validateRevocationList(list.body, keys, { issuer }))].map(({ id }) => id);
    expect(ids).toEqual([acknowledged, refused].map((token) => decodeJwt(token).jti));
    await next.close();
    await away.owner.end();
  });

  it('refuses requests that wait for new entries, and serves a stale list to those without a cursor', async () => {
    const away = await provisionedDatabase({ LOG_LEVEL: 'silent' });
    const { app } = await away.startReplica();
    const authorization = basic('batch-processor', away.secretOf('batch-processor'));
    const asJobsApi = basic('jobs-api', away.secretOf('jobs-api'));
    const token = await tokenOf(authorization, app);
    await revoke(token, authorization, app);
    const { cursor } = decodeJwt((await getList('', {}, app, asJobsApi)).body);
    const follow = () => getList(`?cursor=${cursor}`, { prefer: 'wait=60' }, app, asJobsApi);
    const waiting = follow();
    while (app.get(RevocationState).waiting.size === 0) await sleep(5);
    await killConnections(away);
    for (const { statusCode, headers } of [await waiting, await follow()]) {
      expect([statusCode, headers['retry-after'], headers.connection]).toEqual([503, '1', 'close']);
    }
    const list = await getList('', {}, app, asJobsApi);
    const keys = createLocalJWKSet((await app.inject('/.well-known/jwks.json')).json());
    const claims = await validateRevocationList(list.body, keys, { issuer });
    expect([claims.stale, [...revocationsIn(claims)].map(({ id }) => id)]).toEqual([true, [decodeJwt(token).jti]]);
    // A caller with an older cursor gets a stale list, too.
    const delta = await getList('?cursor=1', {}, app, asJobsApi);
    expect((await validateRevocationList(delta.body, keys, { issuer })).stale).toBe(true);
    await allowConnections(away);
    let after = await getList('', {}, app, asJobsApi);
    for (let i = 0; i < 400 && decodeJwt(after.body).stale; i++) {
      await sleep(50);
      after = await getList('', {}, app, asJobsApi);
    }
    const { stale, cursor: known } = await validateRevocationList(after.body, keys, { issuer });
    expect([after.statusCode, known, stale]).toEqual([200, cursor, undefined]);
    await app.close();
    await away.owner.end();
  });

  it('answers 503 if it is cut off during a revocation, and does not block other replicas for long', async () => {
    const shared = await provisionedDatabase({ LOG_LEVEL: 'silent' });
    const proxy = await proxyThatStalls(shared.settings.DATABASE_URL!, 'INSERT INTO revocation');
    const { app: cut } = await shared.startReplica({ DATABASE_URL: proxy.url });
    const { app: whole } = await shared.startReplica();
    const authorization = basic('batch-processor', shared.secretOf('batch-processor'));
    const [lost, kept] = [await tokenOf(authorization, cut), await tokenOf(authorization, whole)];
    const answer = revoke(lost, authorization, cut);
    await proxy.stalled;
    // This replica waits for the lock that the stalled one holds.
    expect((await revoke(kept, authorization, whole)).statusCode).toBe(200);
    const { statusCode, headers } = await answer;
    expect([statusCode, headers['retry-after']]).toEqual([503, '1']);
    expect(await tokenOf(authorization, cut)).toBeDefined();
    const ready = await cut.get(Management).inject('/health/ready');
    expect([ready.statusCode, ready.json().details.database.status]).toEqual([200, 'degraded']);
    proxy.close();
    await Promise.all([cut.close(), whole.close()]);
    await shared.owner.end();
  }, 60_000);

  it('treats a transaction that was terminated meanwhile as an outage, not as a fault', async () => {
    const given = one.get(DataSource).transaction(async (manager) => {
      const [{ pid }] = await manager.query('SELECT pg_backend_pid() AS pid');
      const isThere = 'SELECT 1 FROM pg_stat_activity WHERE pid = $1';
      while ((await database.owner.query(isThere, [pid])).rowCount) await sleep(100);
      await manager.query('SELECT');
    });
    expect(isDatabaseUnavailable(await given.catch((error: unknown) => error))).toBe(true);
    expect((await revoke(await tokenOf())).statusCode).toBe(200);
  });

  it('soon stops reporting tokens as active, and authenticates no client after an hour', async () => {
    const away = await provisionedDatabase({ LOG_LEVEL: 'silent' });
    const { app } = await away.startReplica();
    const authorization = basic('batch-processor', away.secretOf('batch-processor'));
    const asJobsApi = basic('jobs-api', away.secretOf('jobs-api'));
    const [token, revoked] = [await tokenOf(authorization, app), await tokenOf(authorization, app)];
    expect((await revoke(revoked, authorization, app)).statusCode).toBe(200);
    const introspect = (about: string) =>
      callOAuth(app, '/oauth/introspect', { form: { token: about }, authorization: asJobsApi });
    expect((await introspect(token)).json().active).toBe(true);
    await killConnections(away);
    const { now } = performance;
    const later = (seconds: number) => {
      performance.now = () => now.call(performance) + seconds * 1000;
    };
    const readiness = async () => {
      const { statusCode, body } = await app.get(Management).inject('/health/ready');
      const { clients, revocations } = JSON.parse(body).details;
      return [statusCode, clients.status, revocations.status];
    };
    later(31);
    const { statusCode, headers } = await introspect(token);
    expect([statusCode, headers['retry-after']]).toEqual([503, '1']);
    expect((await introspect(revoked)).body).toBe('{"active":false}');
    expect(await readiness()).toEqual([200, 'up', 'degraded']);
    expect(await tokenOf(authorization, app)).toBeDefined();
    later(3601);
    const response = await postToken(app, { grant_type: 'client_credentials' }, { authorization });
    expect([response.statusCode, response.json().error]).toEqual([503, 'temporarily_unavailable']);
    expect(await readiness()).toEqual([503, 'down', 'degraded']);
    performance.now = now;
    await app.close();
    await away.owner.end();
  });
});
