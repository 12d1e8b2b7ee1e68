import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { RevocationLists, type Entry, type UnsignedList } from './revocation-lists.ts';

/** Entries with every third number, so that cursors lie between them. */
const entriesUpTo = (count: number) =>
  Array.from({ length: count }, (_, i): Entry => ({ sequence: 3 * (i + 1), kind: 'jti', id: `${i}`, until: 0 }));

/** A server with this many entries, and the lists that it has signed so far. */
function aServer(count: number) {
  const entries = entriesUpTo(count);
  const signed: UnsignedList[] = [];
  const lists = new RevocationLists((list) => String(signed.push(list)));
  return {
    entries,
    signed,
    get cursor() {
      return entries.at(-1)?.sequence ?? 0;
    },
    revoke() {
      entries.push({ sequence: this.cursor + 3, kind: 'jti', id: `${entries.length}`, until: 0 });
    },
    get(after?: number, { stale = false, kid = 'k1' } = {}): UnsignedList & { number: number } {
      const number = Number(lists.list({ entries, cursor: this.cursor, after, stale, kid }));
      return Object.assign({ number }, signed[number - 1]);
    },
    /** The entries that a resource server gets if it requests lists until there are no more. */
    follow(after?: number) {
      const sequences = new Set<number>();
      for (let at = after; ;) {
        const list = this.get(at);
        expect(list.since ?? -1).toBeLessThanOrEqual(at ?? -1);
        for (const { sequence } of list.revocations) sequences.add(sequence);
        if (!list.more) return { sequences, cursor: list.cursor };
        expect(list.cursor).toBeGreaterThan(at ?? -1);
        at = list.cursor;
      }
    },
  };
}

let now = 1_700_000_000_000;
beforeEach(() => {
  jest.spyOn(Date, 'now').mockImplementation(() => now);
});
afterEach(() => {
  jest.restoreAllMocks();
});

describe('the revocation lists', () => {
  it('lead from any cursor to the end, and miss nothing', () => {
    const servers = [0, 1, 7, 8, 9, 65, 9_999, 20_000, 20_001, 45_678].map(aServer);
    fc.assert(
      fc.property(fc.constantFrom(...servers), fc.double({ min: 0, max: 1, noNaN: true }), (server, place) => {
        const after = place === 1 ? undefined : Math.round(place * server.cursor);
        const { sequences, cursor } = server.follow(after);
        expect(cursor).toBe(server.cursor);
        const wanted = server.entries.filter(({ sequence }) => sequence > (after ?? -1));
        expect(wanted.filter(({ sequence }) => !sequences.has(sequence))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('are few, whatever cursors are requested, and in whatever order [few-signatures, Lanyard]', () => {
    const server = aServer(100_000);
    for (let i = 0; i < 20_000; i++) server.get((i * 104_729) % (server.cursor + 1));
    // Nine parts of 10,000; of the last one nothing, 1, 8, 64, 512, 4096 entries, and all.
    expect(server.signed.length).toBeLessThanOrEqual(9 + 7);
    expect(Math.max(...server.signed.map(({ revocations }) => revocations.length))).toBeLessThan(20_000);
  });

  it('are few while many tokens are revoked: long ones are reused for a second, with correct cursors [few-signatures, Lanyard]', () => {
    const server = aServer(30_000);
    for (let i = 0; i < 50; i++) {
      server.revoke();
      for (const after of [
        undefined,
        0,
        29_000,
        60_000,
        server.cursor - 9000,
        server.cursor - 3000,
        server.cursor - 3,
      ]) {
        const { sequences, cursor } = server.follow(after);
        const missing = server.entries.filter(({ sequence }) => sequence > (after ?? -1) && !sequences.has(sequence));
        expect(missing.every(({ sequence }) => sequence > cursor)).toBe(true);
      }
      expect(server.get(server.cursor - 3).cursor).toBe(server.cursor);
    }
    const long = server.signed.filter(({ revocations }) => revocations.length > 1000);
    // Two parts, 4096 entries of the last one, and all of it.
    expect(long.length).toBe(4);
  });

  it('lead to the end when very many tokens are revoked within a second', () => {
    const server = aServer(30_000);
    const { cursor } = server.get(server.cursor - 3 * 600);
    for (let i = 0; i < 600; i++) server.revoke();
    expect(server.get(cursor).cursor).toBe(server.cursor);
  });

  it('are signed once a second for all who wait while there is nothing new [few-signatures, Lanyard]', () => {
    const server = aServer(10);
    const numbers = [0, 0, 500, 500, 0].map((ms) => {
      now += ms;
      return server.get(server.cursor).number;
    });
    expect(numbers).toEqual([1, 1, 1, 2, 2]);
    expect(server.signed[0]).toMatchObject({ cursor: 30, since: 30, revocations: [], more: false });
    server.revoke();
    expect(server.get(30).revocations).toHaveLength(1);
    expect(server.get(33)).toMatchObject({ cursor: 33, since: 33, revocations: [] });
  });

  it('are signed anew with another key, when the clock was set back, and when they are stale', () => {
    const server = aServer(10);
    const numbers = () => [
      server.get(0).number,
      server.get(0, { kid: 'k2' }).number,
      server.get(0, { stale: true }).number,
    ];
    expect(numbers()).toEqual([1, 2, 3]);
    now -= 3600_000;
    expect(numbers()).toEqual([4, 5, 6]);
  });

  it('do not begin after a cursor when entries have expired meanwhile', () => {
    const server = aServer(20);
    server.get(server.cursor - 3 * 8);
    server.entries.splice(14, 5);
    expect([...server.follow(36).sequences]).toEqual(expect.arrayContaining([39, 42, 60]));
    expect(server.get(30).since).toBeLessThanOrEqual(30);
  });
});
