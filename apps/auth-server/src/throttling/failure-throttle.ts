import { hash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { GrowingDelays } from './growing-delays.ts';
import { ReplicaNews } from './replica-news.ts';

/** For how long a client is heard where it authenticated, ms. */
const trust = 3_600_000;

/**
 * Slows down guessing (RFC 6749 section 2.3.1): failures are counted per client and address, and per address, and
 * cost more and more time, at all replicas. A client is never locked out from elsewhere, since nothing is counted per
 * client alone; nor by a neighbour behind the same address, since a client that authenticated there within the last
 * hour is heard there whatever is counted.
 */
@Injectable()
export class FailureThrottle {
  private readonly perClient = new GrowingDelays(10, 900);
  /** Many may be behind one address. */
  private readonly perAddress = new GrowingDelays(100, 60);
  /** When a client authenticated at an address, ms since the epoch; renewed once a minute. */
  private readonly trusted = new LRUCache<string, number>({ max: 10_000 });

  constructor(@Inject(ReplicaNews) news: ReplicaNews) {
    for (const [topic, delays] of [
      ['client', this.perClient],
      ['address', this.perAddress],
    ] as const) {
      news.share(`failures per ${topic}`, {
        collect: () => delays.collect(),
        take: (name, count) => delays.take(name, count),
      });
    }
  }

  /** @returns how many seconds this client must wait at this address; 0 where it may go on */
  secondsToWait(clientId: string, address: string): number {
    if (this.perAddress.isEmpty && this.perClient.isEmpty) return 0;
    const place = network(address);
    return Math.max(
      this.perAddress.secondsToWait(digest(place)),
      this.perClient.secondsToWait(digest(both(clientId, place))),
    );
  }

  isTrusted(clientId: string, address: string): boolean {
    return Date.now() - (this.trusted.get(both(clientId, network(address))) ?? 0) < trust;
  }

  succeeded(clientId: string, address: string): void {
    const now = Date.now();
    const place = both(clientId, network(address));
    if (now - (this.trusted.get(place) ?? 0) > 60_000) this.trusted.set(apart(place), now);
  }

  /** Counts at once: guesses that come together must not all be heard before the first one is counted. */
  failed(clientId: string, address: string): void {
    const place = network(address);
    this.perAddress.count(digest(place));
    this.perClient.count(digest(both(clientId, place)));
  }
}

/** What a caller calls itself may be long, and a secret in the wrong place: nobody else is told of it. */
const digest = (name: string): string => hash('sha256', name, 'base64url').slice(0, 22);

/** V8 would keep the whole request of which a part is kept. */
const apart = (text: string): string => Buffer.from(text).toString();

const both = (clientId: string, place: string) => `${place} ${clientId.slice(0, 128)}`;

/** One customer has a whole /64 of IPv6. */
function network(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter(Boolean);
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter(Boolean).length;
  return [...groups, ...Array<string>(Math.max(0, missing)).fill('0')].slice(0, 4).join(':');
}
