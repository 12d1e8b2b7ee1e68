import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { payloadsOf } from './replica-broadcast.ts';

describe('the notifications of one topic', () => {
  it('hold all entries in order, and are short enough for Postgres, whatever the names [replica-broadcast, Lanyard]', () => {
    const name = fc.string({ unit: fc.constantFrom('a', '$', '&', '`', '"', '\\', '/', '%', ' '), maxLength: 270 });
    const entries = fc.array(fc.tuple(name, fc.nat()), { maxLength: 300 });
    fc.assert(
      fc.property(entries, (given) => {
        const payloads = payloadsOf({ from: '0'.repeat(36), topic: 'use' }, given);
        for (const payload of payloads) expect(Buffer.byteLength(payload)).toBeLessThan(8000);
        const messages = payloads.map((payload) => JSON.parse(payload) as { topic: string; entries: unknown[] });
        expect(messages.flatMap((message) => message.entries)).toEqual(given);
        expect(messages.every(({ topic }) => topic === 'use')).toBe(true);
      }),
    );
    expect(payloadsOf({ from: 'a', topic: 'b' }, [])).toEqual([]);
  });
});
