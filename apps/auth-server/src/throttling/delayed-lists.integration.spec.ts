import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Management } from '@lanyard/service-defaults';
import { decodeJwt } from 'jose';
import { AuditLog } from '../audit/audit-log.ts';
import { basic, callOAuth, postToken, provisionedDatabase } from '../auth-server.fixture.ts';
import { RevocationState } from '../revoked-tokens/revocation-state.ts';
import { spread, waitUntilListening } from '../replicas/replica-broadcast.fixture.ts';

let database: Awaited<ReturnType<typeof provisionedDatabase>>;
beforeAll(async () => {
  database = await provisionedDatabase({ LOG_LEVEL: 'silent' });
});
afterAll(async () => {
  await database?.owner.end();
});
/** The clock of quotas stands still, so that quotas do not refill. */
beforeEach(() => {
  const now = performance.now();
  jest.spyOn(performance, 'now').mockReturnValue(now);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const ofClient = (clientId: string) => ({ authorization: basic(clientId, database.secretOf(clientId)) });
const getList = (app: NestFastifyApplication, cursor?: number, clientId = 'jobs-api') =>
  callOAuth(app, `/oauth/revocations${cursor === undefined ? '' : `?cursor=${cursor}`}`, {
    ...ofClient(clientId),
    headers: cursor === undefined ? {} : { prefer: 'wait=20' },
  });
const cursorOf = ({ body }: { body: string }) => Number(decodeJwt(body).cursor);

describe('revocation lists over the quota', () => {
  it('arrive a second later, with everything that was revoked meanwhile, and none is refused [delayed-lists, Lanyard]', async () => {
    // One list for each replica; all others are over the quota.
    const { app } = await database.startReplica({ REVOCATION_LISTS_PER_MINUTE: '600' });
    const revocations = app.get(RevocationState);
    const [replicas, emergencies] = [100, 30];
    const statuses: number[] = [];
    let last = Number.POSITIVE_INFINITY;
    let lists = 0;
    const firstLists = Promise.withResolvers<void>();
    /** Acts as `RevocationListFollower`. @returns how many lists it got after the last revocation until it had that */
    async function follow(): Promise<number> {
      let afterLast = 0;
      for (let cursor: number | undefined; cursor === undefined || cursor < last;) {
        const answer = await getList(app, cursor);
        statuses.push(answer.statusCode);
        if (answer.statusCode !== 200) return Number.NaN;
        lists += 1;
        if (lists === replicas) firstLists.resolve();
        if (last < Number.POSITIVE_INFINITY) afterLast += 1;
        cursor = cursorOf(answer);
        await sleep(50);
      }
      return afterLast;
    }
    const following = Array.from({ length: replicas }, follow);
    await firstLists.promise;
    for (let i = 0; i < emergencies; i++) {
      const { access_token: token } = (
        await postToken(app, { grant_type: 'client_credentials' }, ofClient('batch-processor'))
      ).json();
      await callOAuth(app, '/oauth/revoke', { form: { token }, ...ofClient('batch-processor') });
      await sleep(100);
    }
    last = revocations.cursor;
    const afterLast = await Promise.all(following);
    expect(new Set(statuses)).toEqual(new Set([200]));
    // One that was on its way before, and the one after it.
    expect(Math.max(...afterLast)).toBeLessThanOrEqual(2);
    expect((await app.get(Management).inject('/metrics')).body).toMatch(
      new RegExp(
        `lanyard_throttled_requests_total\\{limit="revocation_list_quota",enforced="true".*\\} ${lists - replicas}\\n`,
      ),
    );
    await app.close();
  });

  it('are refused for a second if a thousand of the client wait already, and only for that client [delayed-lists, Lanyard]', async () => {
    const { app } = await database.startReplica({ REVOCATION_LISTS_PER_MINUTE: '60' });
    const answers = Array.from({ length: 10 + 1000 + 5 }, () => Promise.resolve(getList(app)));
    const refused = await Promise.race(answers.slice(-5));
    expect(refused.headers).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' });
    expect(refused.json()).toEqual({
      error: 'temporarily_unavailable',
      error_description: 'the client requested more revocation lists than its quota allows, try again later',
    });
    expect((await getList(app, undefined, 'batch-processor')).statusCode).toBe(200);
    const statuses = (await Promise.all(answers)).map(({ statusCode }) => statusCode);
    expect([200, 429].map((status) => statuses.filter((other) => other === status).length)).toEqual([1010, 5]);
    expect((await getList(app)).statusCode).toBe(200);
    await app.get(AuditLog).onApplicationShutdown();
    const { rows } = await database.owner.query(
      `SELECT client_id, count FROM audit_event WHERE details ->> 'limit' = 'revocation_list_quota'`,
    );
    expect(rows).toEqual([{ client_id: 'jobs-api', count: 5 }]);
    await app.close();
  });

  it('arrive whatever other replicas have served [delayed-lists, Lanyard]', async () => {
    const replicas = await Promise.all(
      [1, 2, 3].map(() => database.startReplica({ REVOCATION_LISTS_PER_MINUTE: '60' })),
    );
    const [one, two, three] = replicas.map(({ app }) => app) as [
      NestFastifyApplication,
      NestFastifyApplication,
      NestFastifyApplication,
    ];
    for (const { app } of replicas) await waitUntilListening(app);
    for (const app of [one, two]) {
      await Promise.all(Array.from({ length: 10 }, () => getList(app)));
      await spread(app, three);
    }
    expect((await getList(three)).statusCode).toBe(200);
    expect((await three.get(Management).inject('/metrics')).body).toMatch(
      /lanyard_throttled_requests_total\{limit="revocation_list_quota",enforced="true".*\} 1\n/,
    );
    for (const { app } of replicas) await app.close();
  });

  it('are only counted with THROTTLING=observe', async () => {
    const { app } = await database.startReplica({ REVOCATION_LISTS_PER_MINUTE: '60', THROTTLING: 'observe' });
    for (let i = 0; i < 12; i++) expect((await getList(app)).statusCode).toBe(200);
    expect((await app.get(Management).inject('/metrics')).body).toMatch(
      /lanyard_throttled_requests_total\{limit="revocation_list_quota",enforced="false".*\} 2/,
    );
    await app.close();
  });
});
