import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { InvalidRevocationListError, validateAccessToken } from '@lanyard/access-token';
import { basicCredentials } from '@lanyard/oauth-protocol';
import { startAuthorizationServer, type TestAuthorizationServer } from '@lanyard/testing';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { RemoteKeys } from '../keys/remote-keys.ts';
import { RevocationClient, type RevocationClientOptions } from './revocation-client.ts';
import { RevocationUnknownError } from './revocation-source.ts';

const audience = 'https://badges.example';
const grant = { clientId: 'porter', audience, scope: 'badges:read' };
let server: TestAuthorizationServer;
let keys: RemoteKeys;
let revocations: RevocationClient;
let errors: unknown[];
let changes: boolean[];
let intermediary: Server | undefined;

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

beforeEach(async () => {
  server = await startAuthorizationServer(
    { badges: { secret: 's3cret', scope: '', audience } },
    { supportsWaiting: true },
  );
  keys = new RemoteKeys({ issuer: server.issuer });
  keys.start();
  errors = [];
  changes = [];
});
afterEach(async () => {
  revocations.stop();
  keys.stop();
  await server.stop();
  intermediary?.closeAllConnections();
  intermediary?.close();
});

/** An intermediary: forwards no preferences, and may change the metadata or answer by itself. */
async function startIntermediary(
  metadata: object = {},
  answerOf: (url: string) => Partial<Answer> | undefined = () => undefined,
): Promise<string> {
  intermediary = createServer((request, response) => {
    const { url = '', headers } = request;
    const own = answerOf(url);
    if (own) {
      response.writeHead(own.status ?? 200, own.headers).end(own.body);
      return;
    }
    void fetch(server.address + url, { headers: { authorization: headers.authorization ?? '' } }).then(
      async (answer) => {
        const body = await answer.text();
        response.statusCode = answer.status;
        response.end(url.startsWith('/.well-known') ? JSON.stringify({ ...JSON.parse(body), ...metadata }) : body);
      },
    );
  });
  await new Promise<void>((resolve) => void intermediary!.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(intermediary.address() as AddressInfo).port}`;
}

const create = (options: Partial<RevocationClientOptions> = {}) => {
  revocations = new RevocationClient({
    issuer: server.issuer,
    keys,
    clientId: 'badges',
    clientSecret: 's3cret',
    onError: (error) => errors.push(error),
    onStaleness: (isStale) => changes.push(isStale),
    ...options,
  });
  return revocations;
};
const isRevoked = async (token: string) =>
  revocations.isRevoked(await validateAccessToken(token, keys.getKey, { issuer: server.issuer, audience }), token);
const until = async (condition: () => boolean | Promise<boolean>) => {
  for (let i = 0; i < 2000 && !(await condition()); i++) await sleep(10);
  expect(await condition()).toBe(true);
};
const revoke = (token: string) => server.revoke({ kind: 'jti', id: decodeJwt(token).jti! });
/** stale after a second */
const impatient = { staleAfter: 1 };

describe('RevocationClient', () => {
  it.each(['whenSilent', 'silentAfter'])('refuses the former option %s, rather than ignoring it', (option) => {
    create();
    expect(() => create({ [option]: 'refuse' })).toThrow(/now called whenStale and staleAfter$/);
  });

  it('starts with the earlier revocations, and the first request waits for them', async () => {
    const token = server.token(grant);
    revoke(token);
    create().start();
    expect(await isRevoked(token)).toBe(true);
    expect(await isRevoked(server.token(grant))).toBe(false);
  });

  it('applies revocations while it waits: of a token, a grant, a key [revoked-token, RFC 7009 §2] [waiting-requests, RFC 7240 §4.3]', async () => {
    create().start();
    await until(() => revocations.staleness < 1);
    const [one, other] = [server.token(grant), server.token(grant)];
    revoke(one);
    await until(() => isRevoked(one));
    expect(await isRevoked(other)).toBe(false);

    const granted = server.token(grant, { claims: { grant_id: 'g1' } });
    server.revoke({ kind: 'grant_id', id: 'g1' });
    await until(() => isRevoked(granted));
    expect(await isRevoked(other)).toBe(false);

    server.revoke({ kind: 'kid', id: decodeProtectedHeader(other).kid! });
    await until(() => isRevoked(other));
    expect(revocations.size).toBe(3);
  });

  it('fetches a long list in parts, and the first request waits for all of them', async () => {
    const tokens = Array.from({ length: 250 }, () => server.token(grant));
    for (const token of tokens) revoke(token);
    create().start();
    expect(await isRevoked(tokens.at(-1)!)).toBe(true);
    expect([revocations.size, server.revocationRequests().list]).toEqual([250, 3]);
  });

  it('answers at once and sends no request while the list is current', async () => {
    create().start();
    await until(() => revocations.staleness < 1);
    const { list, introspection } = server.revocationRequests();
    const token = server.token(grant);
    const accessToken = await validateAccessToken(token, keys.getKey, { issuer: server.issuer, audience });
    for (let i = 0; i < 1000; i++) expect(revocations.isRevoked(accessToken, token)).toBe(false);
    expect(server.revocationRequests()).toEqual({ list, introspection });
  });

  it('continues at its cursor after an outage, and keeps its entries', async () => {
    create(impatient).start();
    await until(() => revocations.staleness < 1);
    const [before, meanwhile] = [server.token(grant), server.token(grant)];
    revoke(before);
    await until(() => isRevoked(before));
    await server.stop();
    await until(() => changes.includes(true));
    expect(await isRevoked(before)).toBe(true);
    revoke(meanwhile);
    await server.start();
    await until(() => isRevoked(meanwhile));
    expect(await isRevoked(before)).toBe(true);
    expect(changes).toEqual([true, false]);
  });

  it('applies the whole list of a server that begins anew, and keeps its earlier entries', async () => {
    create().start();
    await until(() => revocations.staleness < 1);
    const [one, two] = [server.token(grant), server.token(grant)];
    revoke(one);
    revoke(two);
    await until(() => revocations.size === 2);
    server.forgetRevocations();
    revoke(server.token(grant));
    await until(() => revocations.size === 3);
    expect([await isRevoked(one), await isRevoked(two)]).toEqual([true, true]);
  });

  it('applies the list of a server that has lost its database, and counts it as stale', async () => {
    const [known, other] = [server.token(grant), server.token(grant)];
    revoke(known);
    server.cutOff(true);
    create({ whenStale: 'refuse' }).start();
    expect(await isRevoked(known)).toBe(true);
    await expect(isRevoked(other)).rejects.toThrow(RevocationUnknownError);
    expect(revocations.staleness).toBe(Number.POSITIVE_INFINITY);
    server.cutOff(false);
    await until(() => !revocations.isStale);
    expect(await isRevoked(other)).toBe(false);
  });

  it('asks less and less often if the server answers at once with nothing new', async () => {
    create({ issuerAddress: await startIntermediary() }).start();
    await until(() => revocations.staleness < 1);
    const { list } = server.revocationRequests();
    await sleep(2000);
    expect(server.revocationRequests().list - list).toBeLessThan(8);
  });

  it.each([
    ['accept', false],
    ['refuse', 'unknown'],
    ['introspect', 'unknown'],
  ] as const)('when stale, with the policy to %s: %s', async (whenStale, outcome) => {
    create({ ...impatient, whenStale }).start();
    await until(() => revocations.staleness < 1);
    const [token, revoked] = [server.token(grant), server.token(grant)];
    await isRevoked(token);
    revoke(revoked);
    await until(() => isRevoked(revoked));
    await server.stop();
    await until(() => revocations.isStale);
    expect(await isRevoked(revoked)).toBe(true);
    const answer = isRevoked(token);
    if (outcome === 'unknown') await expect(answer).rejects.toThrow(RevocationUnknownError);
    else expect(await answer).toBe(outcome);
    await server.start();
    await until(() => !revocations.isStale);
    expect(await isRevoked(token)).toBe(false);
  });

  it('introspects while the list is stale, once a second for each token', async () => {
    create({ whenStale: 'introspect' });
    server.failNext('/revocations', 503, { times: 1000 });
    revocations.start();
    const [token, revoked] = [server.token(grant), server.token(grant)];
    revoke(revoked);
    expect(await isRevoked(revoked)).toBe(true);
    expect(await Promise.all(Array.from({ length: 50 }, () => isRevoked(token)))).toEqual(Array(50).fill(false));
    expect(server.revocationRequests()).toEqual({ list: 0, introspection: 2 });
    revoke(token);
    await until(() => isRevoked(token));
  });

  it('accepts no list that the issuer has not signed [revocation-list-validation, RFC 8725 §3.11]', async () => {
    const other = await startAuthorizationServer();
    const otherKeys = new RemoteKeys({ issuer: other.issuer });
    create({ keys: otherKeys }).start();
    const token = server.token(grant);
    revoke(token);
    await until(() => errors.some((error) => error instanceof InvalidRevocationListError));
    expect(await isRevoked(token)).toBe(false);
    await other.stop();
  });

  it('accepts no list that a withdrawn key has signed [revocation-list-validation, RFC 8725 §3.11]', async () => {
    create().start();
    await until(() => revocations.staleness < 1);
    const token = server.token(grant);
    server.revoke({ kind: 'kid', id: decodeProtectedHeader(token).kid! });
    await until(() => revocations.size === 1);
    revoke(token);
    await until(() => errors.some((error) => error instanceof InvalidRevocationListError));
    expect(revocations.size).toBe(1);
  });

  describe('with a man in the middle', () => {
    const isList = (url: string) => url.startsWith('/revocations');
    const list = async () => {
      const authorization = basicCredentials('badges', 's3cret');
      return (await fetch(`${server.issuer}/revocations`, { headers: { authorization } })).text();
    };
    /** Waits for longer than its longest pause. */
    const untilLongStale = async () => {
      for (let i = 0; i < 100 && revocations.staleness < 7; i++) await sleep(100);
      expect(revocations.staleness).toBeGreaterThan(7);
    };
    /** Stale after a second and a half, since an `iat` counts seconds. */
    const attentive = { staleAfter: 1.5 };

    it.each([
      ['the last list', {}],
      ['the last list, as if it had waited', { 'preference-applied': 'wait=20' }],
    ])('who replays %s, the list becomes stale [newer-stays, Lanyard]', async (_, headers) => {
      const body = await list();
      const issuerAddress = await startIntermediary({}, (url) => (isList(url) ? { body, headers } : undefined));
      create({ ...attentive, issuerAddress }).start();
      await until(() => revocations.staleness < 1);
      await untilLongStale();
      expect(changes).toEqual([true]);
      expect(errors.map(String)).toEqual([expect.stringContaining('no newer revocation list has arrived')]);
    });

    it('who replays an older list, only its entries count [newer-stays, Lanyard]', async () => {
      const older = await list();
      const token = server.token(grant);
      revoke(token);
      const entries = await list();
      let repeated: string[] | undefined;
      let asked = 0;
      const issuerAddress = await startIntermediary({}, (url) =>
        isList(url) && repeated ? { body: repeated[asked++ % 2] } : undefined,
      );
      create({ ...attentive, issuerAddress }).start();
      await until(() => isRevoked(token));
      // Lists signed since then are newer than both.
      await sleep(2000);
      await until(() => revocations.staleness < 0.5);
      repeated = [older, entries];
      await untilLongStale();
      expect(await isRevoked(token)).toBe(true);
      expect(revocations.size).toBe(1);
      // It continues at its cursor.
      const next = server.token(grant);
      revoke(next);
      repeated = undefined;
      await until(() => isRevoked(next));
      expect(revocations.isStale).toBe(false);
    });

    it('who replays one part of a long list, it does not request forever', async () => {
      for (let i = 0; i < 150; i++) revoke(server.token(grant));
      const body = await list();
      let asked = 0;
      const issuerAddress = await startIntermediary({}, (url) => (isList(url) && (asked += 1) ? { body } : undefined));
      create({ issuerAddress }).start();
      await until(() => errors.length > 0);
      expect(String(errors[0])).toContain('does not continue where its last part ended');
      expect([asked, revocations.staleness]).toEqual([2, Number.POSITIVE_INFINITY]);
    });

    it('who answers 304, the list becomes stale [newer-stays, Lanyard]', async () => {
      let status: number | undefined;
      const issuerAddress = await startIntermediary({}, (url) => (isList(url) && status ? { status } : undefined));
      create({ ...attentive, issuerAddress }).start();
      await until(() => revocations.staleness < 0.5);
      status = 304;
      await until(() => revocations.isStale);
      expect(errors.length).toBeGreaterThan(0);
    });

    it('who delays lists, their age counts as staleness [newer-stays, Lanyard]', async () => {
      const now = Date.now;
      Date.now = () => now() - 200_000;
      const body = await list();
      Date.now = now;
      const issuerAddress = await startIntermediary({}, (url) => (isList(url) ? { body } : undefined));
      create({ issuerAddress }).start();
      await until(() => revocations.staleness < 1000);
      expect(revocations.staleness).toBeGreaterThan(138);
      expect(revocations.isStale).toBe(true);
    });

    it('who answers 429, it waits for as long as Retry-After says', async () => {
      const asked: number[] = [];
      const issuerAddress = await startIntermediary({}, (url) => {
        if (!isList(url) || asked.push(performance.now()) > 2) return undefined;
        return { status: 429, headers: { 'retry-after': '1' } };
      });
      create({ issuerAddress }).start();
      await until(() => revocations.staleness < 1);
      const [first = 0, second = 0, third = 0] = asked;
      expect([second - first, third - second].every((ms) => ms >= 990)).toBe(true);
    });
  });

  it('does not introspect for as long as a 429 of the server says', async () => {
    create({ whenStale: 'introspect' });
    server.failNext('/revocations', 503, { times: 1000 });
    revocations.start();
    expect(await isRevoked(server.token(grant))).toBe(false);
    server.failNext('/introspect', 429, { times: 1, headers: { 'retry-after': '2' } });
    for (let i = 0; i < 20; i++) {
      await expect(isRevoked(server.token(grant))).rejects.toThrow(RevocationUnknownError);
      await sleep(90);
    }
    expect(server.failures('/introspect')).toBe(1);
    await until(async () => (await isRevoked(server.token(grant)).catch(() => undefined)) === false);
  });

  it('survives listeners that throw', async () => {
    let failures = 0;
    create({
      ...impatient,
      onError: () => {
        failures += 1;
        throw new Error('listener');
      },
      onStaleness: () => {
        throw new Error('listener');
      },
    }).start();
    await until(() => revocations.staleness < 1);
    await server.stop();
    await until(() => revocations.isStale && failures > 1);
    await server.start();
    await until(() => !revocations.isStale);
    expect(revocations.staleness).toBeLessThan(1);
  });

  it('introspects at most once a second while introspection fails, however many requests there are', async () => {
    create({ whenStale: 'introspect' });
    server.failNext('/revocations', 503, { times: 1000 });
    server.failNext('/introspect', 503, { times: 1000 });
    revocations.start();
    await until(() => revocations.wasRequested);
    const asked = server.failures('/introspect');
    const begun = performance.now();
    for (let i = 0; i < 200; i++) await isRevoked(server.token(grant)).catch(() => undefined);
    const seconds = (performance.now() - begun) / 1000;
    expect(server.failures('/introspect') - asked).toBeLessThanOrEqual(2 + seconds);
  });

  it('introspects only one token, on behalf of all, until the server answers', async () => {
    create({ whenStale: 'introspect' });
    server.failNext('/revocations', 503, { times: 1000 });
    server.failNext('/introspect', 503, { times: 1000 });
    revocations.start();
    await until(() => revocations.wasRequested);
    const many = () => Promise.allSettled(Array.from({ length: 100 }, () => isRevoked(server.token(grant))));
    expect((await many()).every(({ status }) => status === 'rejected')).toBe(true);
    expect(server.failures('/introspect')).toBe(1);
    server.failNext('/introspect', 200, { times: 0 });
    await sleep(2100);
    const answers = (await many()).map((settled) => (settled.status === 'fulfilled' ? settled.value : settled.reason));
    expect(answers).toEqual(Array(100).fill(false));
    expect(server.revocationRequests().introspection).toBe(100);
  });

  it('reads the secret again for each request', async () => {
    let secret = 'old';
    create({ clientSecret: () => secret }).start();
    await until(() => errors.length > 0);
    expect(revocations.wasRequested).toBe(true);
    secret = 's3cret';
    await until(() => revocations.staleness < 1);
  });

  it('does not send the secret over the network unencrypted', () => {
    create({ issuer: server.issuer });
    expect(() => create({ issuer: 'http://auth.example' })).toThrow('secrets and tokens could be read in transit');
    expect(() => create({ issuer: 'http://auth.example', allowInsecureRequests: true })).not.toThrow();
  });

  it('does not send the secret to a plaintext address that the metadata names', async () => {
    const named = 'http://elsewhere.example/revocations';
    create({ issuerAddress: await startIntermediary({ revocations_uri: named }) }).start();
    await until(() => errors.length > 0);
    expect(String(errors[0])).toContain(`${named} is not https`);
  });

  it('reconnects after a random delay, not all at once', async () => {
    const others = Array.from({ length: 20 }, () => create());
    for (const other of others) other.start();
    await until(() => others.every((other) => other.staleness < 2));
    await server.stop();
    await sleep(3000);
    const { list } = server.revocationRequests();
    const begun = performance.now();
    await server.start();
    const arrivals: number[] = [];
    await until(() => {
      const came = server.revocationRequests().list - list;
      while (arrivals.length < Math.min(came, 20)) arrivals.push(performance.now() - begun);
      return arrivals.length === 20;
    });
    for (const other of others) other.stop();
    expect(Math.max(...arrivals) - Math.min(...arrivals)).toBeGreaterThan(200);
  });
});
