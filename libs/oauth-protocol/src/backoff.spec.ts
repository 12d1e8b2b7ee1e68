import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { backoff, singleFlight } from './index.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('backoff', () => {
  it('doubles up to the longest wait', () => {
    expect([0, 1, 2, 3, 4, 2000].map((doublings) => backoff(doublings, 100, 500))).toEqual([
      100, 200, 400, 500, 500, 500,
    ]);
  });

  it.each([
    [0, 400],
    [0.5, 300],
    [1, 200],
  ])('subtracts a random part: at %s, %s ms remain of 400', (chance, expected) => {
    jest.spyOn(Math, 'random').mockReturnValue(chance);
    expect(backoff(2, 100, 500, 0.5)).toBe(expected);
  });
});

describe('singleFlight', () => {
  it('runs one call at a time, and gives its outcome to all callers that arrive meanwhile', async () => {
    const calls: [string, PromiseWithResolvers<number>][] = [];
    const call = singleFlight((name: string) => {
      const outcome = Promise.withResolvers<number>();
      calls.push([name, outcome]);
      return outcome.promise;
    });
    const together = [call('a'), call('b')];
    calls[0]?.[1].resolve(1);
    expect(await Promise.all(together)).toEqual([1, 1]);
    const failed = [call('c'), call('d')];
    calls[1]?.[1].reject(new Error('failed'));
    for (const one of failed) await expect(one).rejects.toThrow('failed');
    void call('e');
    expect(calls.map(([name]) => name)).toEqual(['a', 'c', 'e']);
  });
});
