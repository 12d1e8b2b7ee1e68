import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TokenCache, type TokenSource } from './token-cache.ts';
import { TokenRequestError } from './token-request-error.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
let cache: TokenCache;
let made: number;
let renewals: number;
let renew: () => Promise<void>;

beforeEach(() => {
  jest.useFakeTimers({ now: start, doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] });
  cache = new TokenCache();
  made = 0;
  renewals = 0;
  renew = () => Promise.resolve();
});
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

const token = () => ({ value: `token ${++made}`, scope: 'a', expiresAt: Date.now() + 100_000 });
const source: TokenSource = {
  target: { scope: 'a' },
  request: () => Promise.resolve(token()),
  renew: async () => {
    renewals += 1;
    await renew();
    return token();
  },
};
const get = async (key = 'a') => (await cache.get(key, source)).value;
const at = (seconds: number) => jest.setSystemTime(start + seconds * 1000);
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('TokenCache', () => {
  it.each([
    [0, 74, 75],
    [0.999, 65, 66],
  ])('renews between 65 and 75 %% of the lifetime: with a chance of %f after %i s', async (chance, early, late) => {
    jest.spyOn(Math, 'random').mockReturnValue(chance);
    await get();
    at(early);
    await get();
    expect(renewals).toBe(0);
    at(late);
    expect(await get()).toBe('token 1');
    await settled();
    expect([renewals, await get()]).toEqual([1, 'token 2']);
  });

  it('waits longer after each failed renewal, up to half a minute', async () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.999);
    renew = () => Promise.reject(new Error('away'));
    await get();
    const attempts: number[] = [];
    for (let second = 60; second < 100; second += 0.5) {
      at(second);
      const before = renewals;
      expect(await get()).toBe('token 1');
      await settled();
      if (renewals > before) attempts.push(second);
    }
    expect(attempts).toEqual([65.5, 66.5, 68.5, 72.5, 80.5, 96.5]);
  });

  it('does not renew before the Retry-After of the last attempt', async () => {
    renew = () => Promise.reject(new TokenRequestError('temporarily_unavailable', 'busy', { retryAfter: 15 }));
    await get();
    for (const second of [75, 89]) {
      at(second);
      await get();
      await settled();
    }
    expect(renewals).toBe(1);
    at(90);
    await get();
    expect(renewals).toBe(2);
  });

  it.each([
    ['uses a renewal that is running when the token expires', () => Promise.resolve(), 'token 2'],
    ['requests again if that renewal fails', () => Promise.reject(new Error('away')), 'token 2'],
  ])('%s', async (_, end, value) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    renew = () => promise.then(end);
    await get();
    at(80);
    await get();
    at(101);
    const waiting = Promise.all([get(), get()]);
    resolve();
    expect(await waiting).toEqual([value, value]);
    expect(made).toBe(2);
  });

  it('keeps a thousand tokens, and drops the least recently used one', async () => {
    for (let i = 0; i <= 1000; i++) await get(`key ${i}`);
    expect(await get('key 1')).toBe('token 2');
    expect(await get('key 0')).toBe('token 1002');
  });

  it('drops a token only once, and no newer one', async () => {
    const first = await cache.get('a', source);
    expect(cache.drop(first)).toEqual({ scope: 'a' });
    const second = await cache.get('a', source);
    expect(cache.drop(first)).toBeUndefined();
    expect(await get()).toBe(second.value);
  });

  it('drops at most one token per second for a key', async () => {
    jest.useRealTimers();
    cache.drop(await cache.get('a', source));
    const second = await cache.get('a', source);
    expect(cache.drop(second)).toBeUndefined();
    await sleep(1050);
    expect(cache.drop(second)).toEqual({ scope: 'a' });
  });
});
