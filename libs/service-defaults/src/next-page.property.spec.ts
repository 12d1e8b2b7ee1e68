import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nextPage } from './next-page.ts';

const text = fc.string({ unit: 'binary' });
const date = fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
const query = fc.record(
  { q: text, actor: text, disabled: fc.boolean(), since: date, limit: fc.integer({ min: 1, max: 1000 }) },
  { requiredKeys: ['limit'] },
);
const after = fc.oneof(text, fc.maxSafeNat());

describe('nextPage', () => {
  it('has every parameter of the query, as text with the same meaning [next-page, Lanyard]', () => {
    fc.assert(
      fc.property(query, after, fc.nat(5), (query, after, more) => {
        const { limit, since, ...texts } = query;
        const path = nextPage('/things', { actor: undefined, ...query }, limit + more, after)!;
        const { pathname, searchParams } = new URL(path, 'https://a.example');
        expect(pathname).toBe('/things');
        const written = Object.entries({ ...texts, limit, after }).map(([name, value]) => [name, String(value)]);
        expect(Object.fromEntries(searchParams)).toEqual({
          ...Object.fromEntries(written.filter(([name]) => name !== 'since')),
          ...(since && { since: since.toISOString() }),
        });
        expect([...searchParams.keys()]).toHaveLength(new Set(searchParams.keys()).size);
      }),
    );
  });

  it('is null if this page is not full, or empty [next-page, Lanyard]', () => {
    fc.assert(
      fc.property(query, after, fc.nat(), (query, after, count) => {
        expect(nextPage('/things', query, count, undefined)).toBeNull();
        expect(nextPage('/things', query, count % query.limit, after)).toBeNull();
      }),
    );
  });
});
