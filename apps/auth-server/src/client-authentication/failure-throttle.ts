import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

/**
 * Slows down guessing (RFC 6749 section 2.3.1): failures are counted per client and address, and per address. A client
 * is never locked out from elsewhere, since nothing is counted per client alone; nor by a neighbour behind the same
 * address, since a client that authenticated there within the last hour is heard there whatever is counted.
 */
@Injectable()
export class FailureThrottle {
  private readonly perClient = new RateLimiterMemory({ points: 10, duration: 60 });
  private readonly perAddress = new RateLimiterMemory({ points: 100, duration: 60 });
  /** Until when, ms since the epoch. */
  private readonly refused = new LRUCache<string, number>({ max: 10_000 });
  /** When a client authenticated at an address, ms since the epoch; renewed once a minute. */
  private readonly trusted = new LRUCache<string, number>({ max: 10_000 });

  /** @returns how many seconds this client must wait at this address; 0 where it may go on */
  secondsToWait(clientId: string, address: string): number {
    if (this.refused.size === 0) return 0;
    const place = network(address);
    const until = Math.max(this.refused.get(place) ?? 0, this.refused.get(both(clientId, place)) ?? 0);
    const seconds = Math.ceil((until - Date.now()) / 1000);
    return seconds <= 0 || this.isTrusted(both(clientId, place)) ? 0 : seconds;
  }

  succeeded(clientId: string, address: string): void {
    const now = Date.now();
    const place = both(clientId, network(address));
    if (now - (this.trusted.get(place) ?? 0) > 60_000) this.trusted.set(place, now);
  }

  private isTrusted(place: string): boolean {
    return Date.now() - (this.trusted.get(place) ?? 0) < 3_600_000;
  }

  async failed(clientId: string, address: string): Promise<void> {
    const place = network(address);
    await Promise.all([this.count(this.perAddress, place), this.count(this.perClient, both(clientId, place))]);
  }

  /** The limiter resolves while points are left and rejects with the time to wait. */
  private async count(limiter: RateLimiterMemory, key: string): Promise<void> {
    try {
      const { remainingPoints, msBeforeNext } = await limiter.consume(key);
      if (remainingPoints === 0) this.refused.set(key, Date.now() + msBeforeNext);
    } catch (spent) {
      if (!(spent instanceof RateLimiterRes)) throw spent;
      this.refused.set(key, Date.now() + spent.msBeforeNext);
    }
  }
}

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
