import { describe, expect, it } from '@jest/globals';
import { dueSteps, nextOf, stateOf } from './key-lifecycle.ts';

const periods = { announcement: 100, signing: 1000, retirement: 50 };
const at = (seconds: number | null) => (seconds === null ? null : new Date(seconds * 1000));
/** Published at 0; activated and retired at these seconds. */
const key = (kid: string, activated: number | null, retired: number | null = null, created = 0) => ({
  kid,
  createdAt: at(created)!,
  activatedAt: at(activated),
  retiredAt: at(retired),
});
const due = (keys: ReturnType<typeof key>[], seconds: number) => dueSteps(keys, periods, seconds * 1000);

describe('the due step', () => {
  it.each([
    ['nothing while the signing key has time left', [key('a', 0)], 899, []],
    ['an announcement before its time is over', [key('a', 0)], 900, [{ step: 'announce' }]],
    ['one announcement, not two', [key('a', 0), key('b', null, null, 900)], 999, []],
    [
      'the change to the announced key',
      [key('a', 0), key('b', null, null, 900)],
      1000,
      [{ step: 'activate', kid: 'b' }],
    ],
    [
      'the oldest announced key first',
      [key('a', 0), key('c', null, null, 850), key('b', null, null, 800)],
      950,
      [{ step: 'activate', kid: 'b' }],
    ],
    [
      'an early change, after a manual announcement',
      [key('a', 0), key('b', null, null, 10)],
      110,
      [{ step: 'activate', kid: 'b' }],
    ],
    [
      'the deletion of a retired key, when its last token has expired',
      [key('a', 0, 1000), key('b', 1000)],
      1050,
      [{ step: 'delete', kids: ['a'] }],
    ],
    [
      'the deletion of all keys that are due at once',
      [key('a', 0, 1000), key('b', 0, 999), key('c', 0, 1001), key('d', 1000)],
      1050,
      [{ step: 'delete', kids: ['a', 'b'] }],
    ],
    ['nothing before that', [key('a', 0, 1000), key('b', 1000)], 1049, []],
    ['an activation at once, if no key signs', [key('b', null, null, 900)], 901, [{ step: 'activate', kid: 'b' }]],
    ['an announcement, if there is no key at all', [], 0, [{ step: 'announce' }]],
  ])('is %s', (_, keys, seconds, steps) => {
    expect(due(keys, seconds)).toEqual(steps);
  });

  it('leads one key through its life', () => {
    expect([key('a', null), key('a', 1), key('a', 1, 2)].map(stateOf)).toEqual(['announced', 'signing', 'retired']);
    expect(nextOf(key('a', null), periods)).toEqual({ next: 'signing', at: 100_000 });
    expect(nextOf(key('a', 100), periods)).toEqual({ next: 'retired', at: 1_100_000 });
    expect(nextOf(key('a', 100, 1100), periods)).toEqual({ next: 'deleted', at: 1_150_000 });
  });
});
