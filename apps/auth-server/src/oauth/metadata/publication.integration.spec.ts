import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from 'jose';
import type { Repository } from 'typeorm';
import { theServer } from '../../administration/current-administrator.ts';
import { basic, callOAuth, postToken, provisionedDatabase, statementsSent } from '../../auth-server.fixture.ts';
import { RegistryChanges } from '../../replicas/registry-changes.ts';
import { createSigningKey } from '../../signing-keys/create-signing-key.ts';
import { Keys } from '../../administration/keys/keys.ts';
import type { SigningKeyRow } from '../../signing-keys/signing-key.entity.ts';
import { SigningKeys } from '../../signing-keys/signing-keys.ts';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let running: NestFastifyApplication[] = [];

async function start(count: number, environment: NodeJS.ProcessEnv = {}) {
  database = await provisionedDatabase({ LOG_LEVEL: 'silent', ...environment });
  running = (await Promise.all(Array.from({ length: count }, () => database.startReplica()))).map(({ app }) => app);
  return running as [NestFastifyApplication, NestFastifyApplication];
}
afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(running.map((app) => app.close()));
  await database.owner.end();
});

const as = (clientId: string) => basic(clientId, database.secretOf(clientId));
const tokenOf = async (app: NestFastifyApplication) => {
  const response = await postToken(app, { grant_type: 'client_credentials' }, { authorization: as('batch-processor') });
  expect([response.statusCode, response.body]).toEqual([200, expect.any(String)]);
  return response.json<{ access_token: string }>().access_token;
};
const kidOf = (token: string) => String(decodeProtectedHeader(token).kid);
const jwksOf = async (app: NestFastifyApplication) =>
  (await app.inject('/.well-known/jwks.json')).json<JSONWebKeySet>();
const kidsAt = async (app: NestFastifyApplication) => (await jwksOf(app)).keys.map(({ kid }) => kid);
/** Delays what a replica reads of its keys. */
function slowDown(app: NestFastifyApplication, ms: number): void {
  const rows = Reflect.get(app.get(SigningKeys), 'rows') as Repository<SigningKeyRow>;
  const find = rows.find.bind(rows);
  jest.spyOn(rows, 'find').mockImplementation(async (options) => {
    const found = await find(options);
    await sleep(ms);
    return found;
  });
}

describe('a signing key', () => {
  it('is published by every replica before its first use, also in an emergency [announced-before-use, Lanyard]', async () => {
    const [one, other] = await start(2);
    const old = kidOf(await tokenOf(one));
    slowDown(other, 100);
    const replaced = one.get(Keys).replaceAll(theServer('migration'));
    for (let kid = old; kid === old;) {
      kid = kidOf(await tokenOf(one));
      if (kid !== old) expect(await kidsAt(other)).toEqual([kid]);
    }
    await replaced;
    // The other replica may start to sign with it a little later, but signs with no other key.
    expect(kidOf(await tokenOf(other))).toBe(kidOf(await tokenOf(one)));
  });

  it('that is withdrawn before its first use never signs [announced-before-use, Lanyard]', async () => {
    const [app] = await start(1);
    const first = kidOf(await tokenOf(app));
    await app.get(Keys).replaceAll(theServer('migration'));
    await app.get(RegistryChanges).catchUp();
    const [second] = await kidsAt(app);
    const held = tokenOf(app);
    await app.get(Keys).replaceAll(theServer('migration'));
    await app.get(RegistryChanges).catchUp();
    const [third] = await kidsAt(app);
    expect(new Set([first, second, third]).size).toBe(3);
    expect([kidOf(await held), kidOf(await tokenOf(app))]).toEqual([third, third]);
  });

  it('that is deleted before its first use makes requests fail, and nothing else [no-process-ends, Lanyard]', async () => {
    const [app] = await start(1);
    await app.get(Keys).replaceAll(theServer('migration'));
    await app.get(RegistryChanges).catchUp();
    const settled = app.get(SigningKeys).untilSigning;
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    const held = postToken(app, { grant_type: 'client_credentials' }, { authorization: as('batch-processor') });
    await database.owner.query('DELETE FROM signing_key');
    await app.get(RegistryChanges).catchUp();
    const { statusCode, body } = await held;
    expect([statusCode, body]).toEqual([503, expect.stringContaining('temporarily_unavailable')]);
    // The key would have begun to sign by then.
    await Promise.allSettled([settled]);
    await nextTurn();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('is created once, however many migration steps start at once on an empty table [one-signing-key, Lanyard]', async () => {
    const [app] = await start(1);
    const before = await tokenOf(app);
    await database.owner.query('DELETE FROM signing_key');
    const lines = await Promise.all(Array.from({ length: 20 }, () => database.migrateAgain()));
    expect(lines.flat().filter((line) => line.startsWith('signing key'))).toHaveLength(1);
    expect((await database.owner.query('SELECT count(*)::int FROM signing_key')).rows).toEqual([{ count: 1 }]);
    // The key that signed before is lost for good.
    await app.get(RegistryChanges).catchUp();
    const [kid] = await kidsAt(app);
    expect(kid).not.toBe(kidOf(before));
    expect(kidOf(await tokenOf(app))).toBe(kid);
  }, 60_000);

  it('is created once, however many replicas find that none signs [one-signing-key, Lanyard]', async () => {
    const apps = await start(3);
    await database.owner.query('DELETE FROM signing_key');
    // Twenty attempts at the same time.
    const rotations = Array.from({ length: 20 }, (_, i) => apps[i % 3]?.get(Keys));
    await Promise.all(rotations.map((rotation) => rotation?.announce(theServer('migration'))));
    const { rows } = await database.owner.query('SELECT count(*)::int FROM signing_key');
    expect(rows).toEqual([{ count: 1 }]);
  });
});

describe('a thousand signing keys', () => {
  it('are all published, and sign and validate [many-keys, Lanyard]', async () => {
    const [app] = await start(1);
    const retired = await tokenOf(app);
    const keyEncryptionKey = String(database.settings.KEY_ENCRYPTION_KEY);
    const keys = await Promise.all(Array.from({ length: 1000 }, () => createSigningKey(keyEncryptionKey)));
    await database.owner.query(
      `INSERT INTO signing_key (kid, public_jwk, encrypted_private_key, activated_at, retired_at)
       SELECT kid, jwk, '\\x00', moment, moment
       FROM unnest($1::text[], $2::jsonb[]) WITH ORDINALITY AS k (kid, jwk, n), (VALUES (0, now()), (1, NULL)) AS m (odd, moment)
       WHERE n % 2 = odd`,
      [keys.map(({ kid }) => kid), keys.map(({ publicJwk }) => JSON.stringify(publicJwk))],
    );
    await app.get(RegistryChanges).catchUp();
    const jwks = await jwksOf(app);
    expect(new Set(jwks.keys.map(({ kid }) => kid)).size).toBe(1001);
    for (const token of [retired, await tokenOf(app)]) {
      await expect(jwtVerify(token, createLocalJWKSet(jwks))).resolves.toBeDefined();
      const asked = await callOAuth(app, '/oauth/introspect', { form: { token }, authorization: as('jobs-api') });
      expect(asked.json()).toMatchObject({ active: true });
    }
  });

  it('are deleted in few statements after their retirement [many-keys, Lanyard]', async () => {
    await start(1);
    const before = statementsSent(database);
    await database.owner.query(
      `INSERT INTO signing_key (kid, public_jwk, encrypted_private_key, activated_at, retired_at)
       SELECT 'old-' || n, public_jwk, encrypted_private_key, now() - interval '2 days', now() - interval '1 day'
       FROM signing_key, generate_series(1, 1000) AS n`,
    );
    const left = async () => (await database.owner.query('SELECT kid FROM signing_key')).rowCount;
    while ((await left()) !== 1) await sleep(20);
    expect(statementsSent(database) - before).toBeLessThan(50);
    const { rows } = await database.owner.query(
      `SELECT count(DISTINCT details ->> 'kid')::int FROM audit_event WHERE type = 'signing_key.deleted'`,
    );
    expect(rows).toEqual([{ count: 1000 }]);
  });
});
