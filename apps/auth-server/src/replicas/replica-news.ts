import { randomUUID } from 'node:crypto';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { repeat } from '@lanyard/service-defaults';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Notifications } from './notifications.ts';

const channel = 'replica_news';

/** How many entries one notification holds: Postgres takes 8000 bytes, and a name has 128 characters at most. */
const entriesApart = 50;

/** How many entries are told of one topic at a time at most. */
const entriesAtMost = 1000;

const newsSchema = z.object({
  from: z.string(),
  topic: z.string(),
  entries: z.array(z.tuple([z.string(), z.number().finite().min(0)])),
});

export interface Topic {
  /** what the others do not know yet, by name; told once */
  collect(): Iterable<[string, number]>;
  take(name: string, value: number): void;
}

/**
 * What replicas tell each other of their callers, so that these gain nothing by going to another replica: numbers by
 * name, every second, all of them in one statement, and none where there is nothing to tell. Nothing is stored; what is
 * lost does no harm.
 */
@Injectable()
export class ReplicaNews implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly id = randomUUID();
  private readonly topics = new Map<string, Topic>();
  private stop?: () => void;

  constructor(
    private readonly database: DataSource,
    notifications: Notifications,
  ) {
    notifications.listen(channel, { heard: (payload) => this.heard(payload) });
  }

  share(name: string, topic: Topic): void {
    this.topics.set(name, topic);
  }

  onApplicationBootstrap(): void {
    this.stop = repeat(
      () => 1000,
      () => this.tell(),
      // The others know a little less.
      () => undefined,
    );
  }

  onApplicationShutdown(): void {
    this.stop?.();
  }

  /** Tells now what is to be told. */
  async tell(): Promise<void> {
    const payloads = [...this.topics].flatMap(([topic, shared]) => {
      const entries = [...shared.collect()].slice(0, entriesAtMost);
      return chunks(entries).map((chunk) => JSON.stringify({ from: this.id, topic, entries: chunk }));
    });
    if (payloads.length === 0) return;
    await this.database.query('SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload', [channel, payloads]);
  }

  private heard(payload: string): void {
    const { from, topic, entries } = newsSchema.parse(JSON.parse(payload));
    if (from === this.id) return;
    for (const [name, value] of entries) this.topics.get(topic)?.take(name, value);
  }
}

function chunks<T>(entries: T[]): T[][] {
  return Array.from({ length: Math.ceil(entries.length / entriesApart) }, (_, index) =>
    entries.slice(index * entriesApart, (index + 1) * entriesApart),
  );
}
