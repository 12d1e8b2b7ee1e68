import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { Management } from '@lanyard/service-defaults';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { basic, callOAuth, postToken, provisionedDatabase, statementsSent } from '../auth-server.fixture.ts';
import { ClientAuthenticationGuard } from '../oauth/client-authentication/client-authentication.guard.ts';
import { AuditLog } from '../audit/audit-log.ts';
import { spread, waitUntilListening } from '../replicas/replica-broadcast.fixture.ts';
import { ReplicaBroadcast } from '../replicas/replica-broadcast.ts';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
let app: NestFastifyApplication;
let other: NestFastifyApplication;
let observing: NestFastifyApplication;

beforeAll(async () => {
  database = await provisionedDatabase();
  await database.owner.query(`
    INSERT INTO client (client_id, client_name, grant_types, scope, default_scope, tokens_per_minute)
      SELECT c, c, '{client_credentials}', '{jobs:read}', '{jobs:read}', n
        FROM (VALUES ('guessed', null), ('modest', 60), ('shared', 60), ('observed', 60), ('sparing', 10), ('usual', null), ('lively', 600)) AS t (c, n)`);
  await database.owner.query(`
    INSERT INTO client_secret (client_id, digest, hint)
      SELECT c, sha256('s3cret'), 'cret' FROM unnest(ARRAY['guessed', 'modest', 'shared', 'observed', 'sparing', 'usual', 'lively']) c`);
  ({ app } = await database.startReplica());
  ({ app: other } = await database.startReplica());
  ({ app: observing } = await database.startReplica({ THROTTLING: 'observe' }));
  for (const replica of [app, other, observing]) await waitUntilListening(replica);
});
afterAll(async () => {
  for (const replica of [app, other, observing]) await replica?.close();
  await database?.owner.end();
});

/** Clocks stand still unless `pass` advances them. Timers keep running. */
beforeEach(() => {
  pass(0);
  pass(0, performance);
});
afterEach(() => {
  jest.restoreAllMocks();
});
/** @param clock  the clock of failures; quotas use `performance` */
function pass(seconds: number, clock: { now: () => number } = Date): void {
  const now = clock.now() + seconds * 1000;
  jest.spyOn(clock, 'now').mockImplementation(() => now);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

let addresses = 0;
/** An address that no other client uses. */
const anAddress = () => `198.51.${100 + Math.floor(addresses / 250)}.${(addresses++ % 250) + 1}`;

const ask = (clientId: string, secret: string, address: string, replica = app) =>
  postToken(replica, { grant_type: 'client_credentials' }, { authorization: basic(clientId, secret) }, address);
const guess = (address: string, replica = app, clientId = 'guessed') => ask(clientId, 'guess', address, replica);

async function statuses(times: number, work: () => ReturnType<typeof ask>): Promise<number[]> {
  const found = [];
  for (let i = 0; i < times; i++) found.push((await work()).statusCode);
  return found;
}
const fails = (times: number) => Array<number>(times).fill(401);

describe('guessing', () => {
  it('is throttled at one address, and for no other [throttled-failures, RFC 6749 §2.3.1]', async () => {
    const here = anAddress();
    expect(await statuses(12, () => guess(here))).toEqual([...fails(10), 429, 429]);
    const refused = await guess(here);
    expect(refused.headers['retry-after']).toBe('1');
    expect(refused.json()).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'too many failed authentications, try again later',
    });
    expect((await ask('guessed', 's3cret', here)).statusCode).toBe(429);
    expect((await ask('guessed', 's3cret', anAddress())).statusCode).toBe(200);
  });

  it('is delayed twice as long after each failure, up to a quarter of an hour', async () => {
    const here = anAddress();
    await statuses(10, () => guess(here));
    const waits = [];
    for (let i = 0; i < 12; i++) {
      const seconds = Number((await guess(here)).headers['retry-after']);
      waits.push(seconds);
      pass(seconds);
      expect((await guess(here)).statusCode).toBe(401);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    pass(900);
    expect((await ask('guessed', 's3cret', here)).statusCode).toBe(200);
  });

  it('is throttled to about ten a minute if many clients are tried from one address', async () => {
    const here = anAddress();
    let client = 0;
    let now = Date.now();
    jest.spyOn(Date, 'now').mockImplementation(() => now);
    expect(await statuses(102, () => guess(here, app, `nobody-${++client}`))).toEqual([...fails(100), 429, 429]);
    const begun = now;
    let answered = 0;
    while (now - begun < 600_000) {
      const { statusCode, headers } = await guess(here, app, `nobody-${++client}`);
      if (statusCode === 401) answered += 1;
      else now += Number(headers['retry-after']) * 1000;
    }
    expect(answered).toBeGreaterThan(50);
    expect(answered).toBeLessThan(120);
  });

  it.each([
    ['of a client that is in memory', 'guessed'],
    ['of one that has to be looked up', 'nobody'],
  ])('is throttled if all guesses arrive at once, %s', async (_, clientId) => {
    const here = anAddress();
    const all = await Promise.all(Array.from({ length: 50 }, () => guess(here, app, clientId)));
    const found = all.map(({ statusCode }) => statusCode);
    expect(found.filter((status) => status === 401)).toHaveLength(10);
    expect(found.filter((status) => status === 429)).toHaveLength(40);
  });

  it('does not lock a client out where it authenticated recently [no-lock-out, Lanyard]', async () => {
    const shared = anAddress();
    await ask('guessed', 's3cret', shared);
    await statuses(12, () => guess(shared));
    expect((await ask('guessed', 's3cret', shared)).statusCode).toBe(200);
  });

  it('does not lock a client out at another replica than the one where it authenticated', async () => {
    const shared = anAddress();
    await ask('guessed', 's3cret', shared);
    await statuses(12, () => guess(shared));
    await spread(app, other);
    expect((await guess(shared, other)).statusCode).toBe(429);
    expect((await ask('guessed', 's3cret', shared, other)).statusCode).toBe(200);
  });

  it('is forgotten after a while, so that occasional failures do not throttle an address', async () => {
    const here = anAddress();
    let client = 0;
    for (let hour = 0; hour < 20; hour++) {
      expect(await statuses(9, () => guess(here, app, `stray-${++client}`))).toEqual(fails(9));
      pass(60);
    }
    expect((await guess(here, app, 'another')).statusCode).toBe(401);
  });

  it('is answered the same whether the client authenticated there recently or is unknown [same-answer, RFC 6749 §5.2]', async () => {
    const shared = anAddress();
    await ask('guessed', 's3cret', shared);
    const [known, unknown] = [
      await statuses(14, () => guess(shared)),
      await statuses(14, () => guess(shared, app, 'no')),
    ];
    expect(known).toEqual(unknown);
  });

  it('is throttled at all replicas', async () => {
    const here = anAddress();
    await statuses(12, () => guess(here));
    await spread(app, other);
    expect((await guess(here, other)).statusCode).toBe(429);
    expect((await guess(anAddress(), other)).statusCode).toBe(401);
  });

  it('is only counted with THROTTLING=observe', async () => {
    const here = anAddress();
    expect(await statuses(12, () => guess(here, observing))).toEqual(fails(12));
    // This request would have been refused, too.
    expect((await ask('guessed', 's3cret', here, observing)).statusCode).toBe(200);
    expect((await observing.get(Management).inject('/metrics')).body).toMatch(
      /lanyard_throttled_requests_total\{limit="failures",enforced="false".*\} 3$/m,
    );
  });
});

describe('the quota of a client', () => {
  it('admits ten seconds of requests at once, and then its rate [client-quota, Lanyard]', async () => {
    const here = anAddress();
    const found = await statuses(12, () => ask('modest', 's3cret', here));
    expect(found).toEqual([...Array<number>(10).fill(200), 429, 429]);
    const refused = await ask('modest', 's3cret', here);
    expect(refused.headers).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' });
    expect(refused.json()).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'the client requested more tokens than its quota allows, try again later',
    });
    expect((await ask('usual', 's3cret', here)).statusCode).toBe(200);
    pass(1.1, performance);
    expect((await ask('modest', 's3cret', here)).statusCode).toBe(200);
  });

  it('is shared by all replicas', async () => {
    const here = anAddress();
    await statuses(10, () => ask('shared', 's3cret', here));
    await spread(app, other);
    // A replica that has not seen the client so far.
    expect((await ask('shared', 's3cret', here, other)).statusCode).toBe(429);
  });

  it('is used up only by its own tokens, not by guesses', async () => {
    const here = anAddress();
    await statuses(9, () => guess(here, app, 'sparing'));
    expect(await statuses(10, () => ask('sparing', 's3cret', here))).toEqual(Array<number>(10).fill(200));
  });

  it('takes effect at once when it is changed', async () => {
    const here = anAddress();
    await database.owner.query(`UPDATE client SET tokens_per_minute = 1 WHERE client_id = 'usual'`);
    await until(async () => (await ask('usual', 's3cret', here)).statusCode === 429);
    await database.owner.query(`UPDATE client SET tokens_per_minute = NULL WHERE client_id = 'usual'`);
    await until(async () => (await ask('usual', 's3cret', here)).statusCode === 200);
    expect(await statuses(5, () => ask('usual', 's3cret', here))).toEqual(Array<number>(5).fill(200));
  });

  it('is only counted with THROTTLING=observe', async () => {
    expect(await statuses(12, () => ask('observed', 's3cret', anAddress(), observing))).toEqual(
      Array<number>(12).fill(200),
    );
    expect((await observing.get(Management).inject('/metrics')).body).toMatch(
      /lanyard_throttled_requests_total\{limit="quota",enforced="false".*\} 2/,
    );
  });
});

it('a client has a quota at every endpoint where clients authenticate [every-quota, Lanyard]', () => {
  const found: string[] = [];
  for (const { controllers } of app.get(ModulesContainer).values()) {
    for (const { metatype } of controllers.values()) {
      const { prototype } = metatype as Type<object>;
      for (const method of Object.getOwnPropertyNames(prototype)) {
        const handler: unknown = Reflect.get(prototype, method);
        const guards: { quota?: string }[] = Reflect.getMetadata('__guards__', handler as object) ?? [];
        if (!guards.includes(ClientAuthenticationGuard as never)) continue;
        found.push(`${Reflect.getMetadata('path', handler as object)}: ${guards.find(({ quota }) => quota)?.quota}`);
      }
    }
  }
  expect(found.toSorted()).toEqual([
    'oauth/introspect: introspections',
    'oauth/revocations: revocationLists',
    'oauth/revoke: revocations',
    'oauth/token: tokens',
  ]);
});

describe.each([
  ['introspection', '/oauth/introspect', 'introspected more tokens than'],
  ['revocation', '/oauth/revoke', 'revoked more tokens than'],
])('the quota of %s', (name, url, words) => {
  const quotas = { INTROSPECTIONS_PER_MINUTE: '60', REVOCATIONS_PER_MINUTE: '60' };
  const limit = `${name}_quota`;
  const call = (replica: NestFastifyApplication, clientId = 'jobs-api') =>
    callOAuth(replica, url, { form: { token: 'x' }, authorization: basic(clientId, database.secretOf(clientId)) });

  it('refuses requests over it at all replicas, with an event, and no other client [every-quota, Lanyard]', async () => {
    const { app: one } = await database.startReplica(quotas);
    const { app: two } = await database.startReplica(quotas);
    for (const replica of [one, two]) await waitUntilListening(replica);
    expect(await statuses(12, () => call(one))).toEqual([...Array<number>(10).fill(200), 429, 429]);
    const refused = await call(one);
    expect(refused.headers).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' });
    expect(refused.json()).toEqual({
      error: 'temporarily_unavailable',
      error_description: `the client ${words} its quota allows, try again later`,
    });
    expect((await call(one, 'batch-processor')).statusCode).not.toBe(429);
    expect((await ask('jobs-api', database.secretOf('jobs-api'), anAddress(), one)).statusCode).not.toBe(429);
    await spread(one, two);
    expect((await call(two)).statusCode).toBe(429);
    await one.get(AuditLog).onApplicationShutdown();
    const { rows } = await database.owner.query(
      `SELECT client_id, count FROM audit_event WHERE type = 'request.throttled' AND details ->> 'limit' = $1 AND client_id = 'jobs-api'`,
      [limit],
    );
    expect(rows).toEqual([{ client_id: 'jobs-api', count: 3 }]);
    pass(1.1, performance);
    expect((await call(one)).statusCode).toBe(200);
    await Promise.all([one.close(), two.close()]);
  });

  it('is only counted with THROTTLING=observe', async () => {
    const { app: lenient } = await database.startReplica({ ...quotas, THROTTLING: 'observe' });
    expect(await statuses(12, () => call(lenient, 'batch-processor'))).not.toContain(429);
    expect((await lenient.get(Management).inject('/metrics')).body).toMatch(
      new RegExp(`lanyard_throttled_requests_total\\{limit="${limit}",enforced="false".*\\} 2`),
    );
    await lenient.close();
  });
});

it('lets a client revoke twice as many tokens as its own quota [every-quota, Lanyard]', async () => {
  const { app: strict } = await database.startReplica({ REVOCATIONS_PER_MINUTE: '60' });
  const revoke = (clientId: string) =>
    statuses(201, () =>
      callOAuth(strict, '/oauth/revoke', { form: { token: 'x' }, authorization: basic(clientId, 's3cret') }),
    );
  const admitted = async (clientId: string) => (await revoke(clientId)).filter((status) => status === 200).length;
  expect([await admitted('usual'), await admitted('lively')]).toEqual([10, 200]);
  await strict.close();
});

it('needs no statement for a token, and one for the counts of each second', async () => {
  // Clocks run again.
  jest.restoreAllMocks();
  for (const replica of [app, other, observing]) await replica.get(ReplicaBroadcast).publish();
  /** How many statements are sent within two seconds of this. */
  const statementsDuring = async (work: () => Promise<unknown>) => {
    const [before, begun] = [statementsSent(database), Date.now()];
    while (Date.now() - begun < 2000) await work();
    return statementsSent(database) - before;
  };
  const here = anAddress();
  const idle = await statementsDuring(() => sleep(10));
  let tokens = 0;
  const busy = await statementsDuring(async () => {
    if ((await ask('usual', 's3cret', here)).statusCode === 200) tokens += 1;
  });
  expect(tokens).toBeGreaterThan(100);
  // The broadcast of each second, and what is written in batches.
  expect(busy - idle).toBeLessThan(tokens / 4);
});

it('leaves one audit event for all throttled requests', async () => {
  const here = anAddress();
  await statuses(13, () => guess(here));
  await app.get(AuditLog).onApplicationShutdown();
  const { rows } = await database.owner.query(
    `SELECT outcome, count, details FROM audit_event WHERE type = 'request.throttled' AND address = $1`,
    [here],
  );
  expect(rows).toEqual([{ outcome: 'refused', count: 3, details: expect.objectContaining({ limit: 'failures' }) }]);
});
