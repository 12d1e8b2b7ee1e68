import { randomUUID } from 'node:crypto';
import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { repeat } from '@lanyard/service-defaults';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Notifications } from './notifications.ts';

const channel = 'replica_news';

/** Bytes; Postgres takes less than 8000. */
const longestPayload = 7900;

/** The maximum number of entries of one topic that are published at a time. */
const maxEntries = 1000;

const messageSchema = z.object({
  from: z.string(),
  topic: z.string(),
  entries: z.array(z.tuple([z.string(), z.number().finite().min(0)])),
});

export interface Topic {
  /** numbers that were not published yet, by name; each is published once */
  collect(): Iterable<[string, number]>;
  /** applies what another replica published */
  apply(name: string, value: number): void;
}

/**
 * Publishes what this replica counted to the others, so that a caller gains nothing by going to another replica:
 * numbers by name, every second, all in one statement, and no statement if there are none. Nothing is stored, and a
 * lost message does no harm.
 */
@Injectable()
export class ReplicaBroadcast implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly id = randomUUID();
  private readonly topics = new Map<string, Topic>();
  private stop?: () => void;

  constructor(
    private readonly database: DataSource,
    notifications: Notifications,
  ) {
    notifications.listen(channel, { receive: (payload) => this.receive(payload) });
  }

  register(name: string, topic: Topic): void {
    this.topics.set(name, topic);
  }

  onApplicationBootstrap(): void {
    this.stop = repeat(
      () => 1000,
      () => this.publish(),
      // After a failure, the others only know a little less.
      () => undefined,
    );
  }

  onApplicationShutdown(): void {
    this.stop?.();
  }

  /** Publishes now. */
  async publish(): Promise<void> {
    const payloads = [...this.topics].flatMap(([name, topic]) => {
      const entries = [...topic.collect()].slice(0, maxEntries);
      return payloadsOf({ from: this.id, topic: name }, entries);
    });
    if (payloads.length === 0) return;
    await this.database.query('SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload', [channel, payloads]);
  }

  private receive(payload: string): void {
    const { from, topic, entries } = messageSchema.parse(JSON.parse(payload));
    if (from === this.id) return;
    for (const [name, value] of entries) this.topics.get(topic)?.apply(name, value);
  }
}

/** As many notifications as the entries need, each as long as Postgres takes it. */
export function payloadsOf(message: { from: string; topic: string }, entries: readonly [string, number][]): string[] {
  const room = longestPayload - Buffer.byteLength(JSON.stringify({ ...message, entries: [] }));
  const chunks: [string, number][][] = [];
  let left = 0;
  for (const entry of entries) {
    // With the comma before it.
    const bytes = Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (bytes > left) {
      chunks.push([]);
      left = room;
    }
    chunks.at(-1)!.push(entry);
    left -= bytes;
  }
  return chunks.map((chunk) => JSON.stringify({ ...message, entries: chunk }));
}
