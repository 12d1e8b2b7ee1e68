import { describe, expect, it } from '@jest/globals';
import { ClientIdFilter } from './client-id-filter.ts';

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

describe('ClientIdFilter', () => {
  it('never misses a client, and mistakes few other identifiers for one', () => {
    const known = new ClientIdFilter(10_000);
    for (const name of names('client', 10_000)) known.add(name);
    expect(names('client', 10_000).filter((name) => !known.mayHave(name))).toEqual([]);
    const mistaken = names('stranger', 10_000).filter((name) => known.mayHave(name)).length;
    expect(mistaken).toBeLessThan(200);
  });
});
