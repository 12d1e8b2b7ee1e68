import { describe, expect, it } from '@jest/globals';
import { chainStart, hashOf, verifyChain, type AuditEvent } from './audit-event.ts';

/** A chain of events that differ only in their numbers. */
function aChain(length: number, change: (event: AuditEvent) => Partial<AuditEvent> = () => ({})): AuditEvent[] {
  const events: AuditEvent[] = [];
  for (let sequence = 1; sequence <= length; sequence++) {
    const event: AuditEvent = {
      sequence,
      occurred_at: '2026-01-01T00:00:00.000Z',
      type: 'client.disabled',
      outcome: 'succeeded',
      actor: 'administrator',
      client_id: `client-${sequence}`,
      address: null,
      request_id: null,
      count: 1,
      details: { b: 1, a: ['ü'] },
      previous_hash: events.at(-1)?.hash ?? chainStart,
      hash: '',
    };
    Object.assign(event, change(event));
    events.push({ ...event, hash: hashOf(event) });
  }
  return events;
}
const brokenAt = async (events: AuditEvent[], head?: { sequence: number; hash: string }) =>
  (await verifyChain(events, head)).broken;

describe('the chain of audit events', () => {
  it('has a hash that anyone can compute: SHA-256 over the canonical form [canonical-form, RFC 8785]', () => {
    // sha256sum of the event without its hash, keys sorted, without spaces.
    expect(aChain(1)[0]?.hash).toBe('0d1a5be36020c25174341cac3ecfb16a1eff9267b981677d5d89ced64a300130');
  });

  it('is intact, whatever the order of members', async () => {
    const events = aChain(5).map((event) => ({ ...event, details: { a: ['ü'], b: 1 } }));
    expect(await verifyChain(events)).toEqual({
      events: 5,
      first: { sequence: 1, hash: events.at(0)?.hash },
      head: { sequence: 5, hash: events.at(-1)?.hash },
    });
    expect(await verifyChain([])).toEqual({ events: 0 });
  });

  it.each<[string, (events: AuditEvent[]) => AuditEvent[], number]>([
    ['an event that was changed', (events) => events.with(2, { ...events.at(2)!, actor: 'nobody' }), 3],
    [
      'an event with an extra member',
      (events) => events.with(2, Object.assign({ ...events.at(2)! }, { note: 'x' })),
      3,
    ],
    ['an event that was removed', (events) => events.toSpliced(2, 1), 4],
    ['events that were swapped', (events) => [...events.slice(0, 2), events.at(3)!, events.at(2)!, events.at(4)!], 4],
    ['an event that was duplicated', (events) => events.toSpliced(2, 0, events.at(2)!), 3],
    ['a first event that was removed', (events) => events.slice(1), 2],
    [
      'an event that was changed with its hash',
      (events) => {
        const forged = { ...events.at(2)!, actor: 'nobody' };
        return events.with(2, { ...forged, hash: hashOf(forged) });
      },
      4,
    ],
  ])('detects %s [audit-is-append-only, Lanyard]', async (_, tamper, sequence) => {
    expect(await brokenAt(tamper(aChain(5)))).toMatchObject({ sequence });
  });

  it('that was computed again does not match a head that was noted', async () => {
    const { head } = await verifyChain(aChain(5));
    expect(await brokenAt(aChain(7), head)).toBeUndefined();
    expect(
      await brokenAt(
        aChain(7, ({ sequence }) => (sequence === 2 ? { actor: 'nobody' } : {})),
        head,
      ),
    ).toMatchObject({ sequence: 5 });
    expect(await brokenAt(aChain(4), head)).toMatchObject({ sequence: 5, reason: 'the noted event is missing' });
  });

  it('may begin later, where the log records what was pruned', async () => {
    const pruned = (through: AuditEvent) =>
      aChain(6, ({ sequence }) =>
        sequence === 6
          ? { type: 'audit.pruned', details: { through_sequence: through.sequence, through_hash: through.hash } }
          : {},
      ).slice(2);
    const [, second, third] = aChain(3) as [AuditEvent, AuditEvent, AuditEvent];
    expect(await brokenAt(pruned(second))).toBeUndefined();
    expect(await brokenAt(pruned(third))).toMatchObject({ sequence: 3, reason: 'the events before it are missing' });
  });
});
