import { describe, expect, it } from '@jest/globals';
import { WorkAtATime } from './work-at-a-time.ts';

describe('work at a time', () => {
  it('leaves room for other administrators, whatever one of them does [administration-limit, Lanyard]', () => {
    const work = new WorkAtATime({ perAdministrator: 2, ofAll: 3 });
    const first = work.begin('one');
    expect([first, work.begin('one'), work.begin('one')].map(Boolean)).toEqual([true, true, false]);
    expect([work.begin('other'), work.begin('third')].map(Boolean)).toEqual([true, false]);
    first!();
    expect([work.begin('third'), work.begin('one')].map(Boolean)).toEqual([true, false]);
  });

  it('forgets administrators without work in progress', () => {
    const work = new WorkAtATime({ perAdministrator: 1, ofAll: 2 });
    for (let i = 0; i < 10; i++) work.begin(`administrator-${i}`)!();
    expect([work.begin('one'), work.begin('other'), work.begin('third')].map(Boolean)).toEqual([true, true, false]);
    expect(Reflect.get(work, 'byAdministrator')).toEqual(
      new Map([
        ['one', 1],
        ['other', 1],
      ]),
    );
  });
});
