import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { singleFlight } from '@lanyard/oauth-protocol';
import { MetricsRegistry, repeat } from '@lanyard/service-defaults';
import { Counter } from 'prom-client';
import { DataSource } from 'typeorm';
import { appendAuditEvents, type AuditRecord } from './append-audit-events.ts';

/** How long equal refusals are combined into one event, seconds. */
export const refusalPeriod = 10;

/** The maximum number of different events that wait; about 30 MB. */
const capacity = 50_000;

/** How many events are written in one transaction: each is hashed, and requests wait meanwhile. */
const batchSize = 500;

/** The maximum number of different refusals that wait; in a flood, further ones are recorded without their address. */
const maxDistinctRefusals = 200;

interface Waiting {
  record: AuditRecord;
  count: number;
  /** ms since the epoch */
  first: number;
  last: number;
  dueAt: number;
}

/**
 * Writes events that are too many to be written one by one, for example issued tokens: equal events are combined for a
 * while and written as one, in batches. The number of waiting events is bounded. They are kept through an outage of the
 * database, and written at shutdown. A process that is killed loses them; except for those of its last moment, they
 * are in its log.
 */
@Injectable()
export class AuditLog implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(AuditLog.name);
  private readonly waiting = new Map<string, Waiting>();
  private readonly lost: Counter;
  private refusals = 0;
  private stop?: () => void;

  constructor(
    private readonly database: DataSource,
    metrics: MetricsRegistry,
  ) {
    this.lost = new Counter({
      name: 'lanyard_audit_events_lost_total',
      help: 'events that were not written to the audit log, since too many waited',
      registers: [metrics],
    });
  }

  onApplicationBootstrap(): void {
    this.stop = repeat(
      () => 1000,
      () => this.write(Date.now()),
      // Events that could not be written wait for the next time.
      () => undefined,
    );
  }

  async onApplicationShutdown(): Promise<void> {
    this.stop?.();
    // A write under way has not seen the last events.
    await this.write(Date.now());
    await this.write(Number.POSITIVE_INFINITY);
  }

  /**
   * @param period  how long equal events are combined, seconds
   * @param key     the same for equal events and for no others; the caller may know a cheaper one than `keyOf`
   */
  record(record: AuditRecord, period: number, key = keyOf(record)): void {
    const now = Date.now();
    const same = this.waiting.get(key);
    if (same) {
      same.count += 1;
      same.last = now;
    } else if (record.outcome === 'refused' && record.origin.address && this.refusals >= maxDistinctRefusals) {
      this.record({ ...record, origin: { actor: record.origin.actor } }, period);
    } else if (this.waiting.size < capacity) {
      this.waiting.set(key, { record, count: 1, first: now, last: now, dueAt: now + period * 1000 });
      if (record.outcome === 'refused') this.refusals += 1;
    } else {
      this.lost.inc();
    }
  }

  /** Writes the events that are due at `now`, or all of them if too many wait. */
  private readonly write = singleFlight((now: number) => this.writeDue(now));

  private async writeDue(now: number): Promise<void> {
    const all = this.waiting.size > capacity * 0.8;
    const due = [...this.waiting].filter(([, { dueAt }]) => all || dueAt <= now);
    for (let start = 0; start < due.length; start += batchSize) {
      if (!(await this.writeBatch(due.slice(start, start + batchSize)))) return;
    }
  }

  /** @returns whether the batch could be written */
  private async writeBatch(due: [string, Waiting][]): Promise<boolean> {
    for (const [key, { record }] of due) {
      this.waiting.delete(key);
      if (record.outcome === 'refused') this.refusals -= 1;
    }
    const records = due.map(([, { record, count, first, last }]) => ({
      ...record,
      count,
      details: { ...record.details, ...(count > 1 && { first: iso(first), last: iso(last) }) },
    }));
    try {
      await this.database.transaction((manager) => appendAuditEvents(manager, records));
      return true;
    } catch (error) {
      this.logger.warn({
        msg: 'the audit log could not be written; retrying',
        events: due.length,
        err: error,
      });
      for (const [key, entry] of due) this.putBack(key, entry);
      return false;
    }
  }

  private putBack(key: string, entry: Waiting): void {
    const same = this.waiting.get(key);
    if (same) {
      same.count += entry.count;
      same.first = entry.first;
      return;
    }
    this.waiting.set(key, entry);
    if (entry.record.outcome === 'refused') this.refusals += 1;
  }
}

const keyOf = ({ type, clientId, outcome, origin, details }: AuditRecord) =>
  JSON.stringify([type, clientId, outcome, origin.actor, origin.address, details]);

const iso = (ms: number) => new Date(ms).toISOString();
