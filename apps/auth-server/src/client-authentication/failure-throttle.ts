import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

/**
 * Slows down guessing (RFC 6749 section 2.3.1): failures are counted per client and address, and per address. A client
 * is never locked out from elsewhere, since nothing is counted per client alone; nor by a neighbour behind the same
 * address, since a client that authenticated there within the last hour is heard there whatever is counted.
 */
@Injectable()
export class FailureThrottle {
  private readonly perClient = failures();
  private readonly perAddress = failures();
  /** When a client authenticated at an address, ms since the epoch; renewed once a minute. */
  private readonly trusted = new LRUCache<string, number>({ max: 10_000 });

  /** @returns how many seconds this client must wait at this address; 0 where it may go on */
  secondsToWait(clientId: string, address: string): number {
    if (this.perAddress.size === 0) return 0;
    const place = network(address);
    const client = both(clientId, place);
    const ms = Math.max(msToWait(this.perAddress, place, 100), msToWait(this.perClient, client, 10));
    return ms <= 0 || this.isTrusted(client) ? 0 : Math.ceil(ms / 1000);
  }

  succeeded(clientId: string, address: string): void {
    const now = Date.now();
    const place = both(clientId, network(address));
    if (now - (this.trusted.get(place) ?? 0) > 60_000) this.trusted.set(apart(place), now);
  }

  private isTrusted(place: string): boolean {
    return Date.now() - (this.trusted.get(place) ?? 0) < 3_600_000;
  }

  /** Counts at once: guesses that come together must not all be heard before the first one is counted. */
  failed(clientId: string, address: string): void {
    const place = network(address);
    count(this.perAddress, place);
    count(this.perClient, both(clientId, place));
  }
}

type Failures = LRUCache<string, number>;

/** Failures within a minute, which begins with the first of them. */
const failures = (): Failures => new LRUCache({ max: 10_000, ttl: 60_000, noUpdateTTL: true, ttlAutopurge: true });

function count(counts: Failures, key: string): void {
  counts.set(apart(key), (counts.get(key) ?? 0) + 1);
}

/** V8 would keep the whole request of which a part is kept. */
const apart = (text: string): string => Buffer.from(text).toString();

const msToWait = (counts: Failures, key: string, most: number): number =>
  (counts.get(key) ?? 0) < most ? 0 : counts.getRemainingTTL(key);

/** The client identifier is the caller's text and may be long. */
const both = (clientId: string, place: string) => `${place} ${clientId.slice(0, 128)}`;

/** One customer has a whole /64 of IPv6. */
function network(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter(Boolean);
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter(Boolean).length;
  return [...groups, ...Array<string>(Math.max(0, missing)).fill('0')].slice(0, 4).join(':');
}
