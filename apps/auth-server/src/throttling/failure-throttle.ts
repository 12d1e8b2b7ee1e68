import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { network } from '@lanyard/service-defaults';
import { LRUCache } from 'lru-cache';
import { GrowingDelays } from './growing-delays.ts';
import { ReplicaNews } from '../replicas/replica-news.ts';

/** For how long a client is heard where it authenticated, and how often that is noted, here and at other replicas; ms. */
const trust = 3_600_000;
const noted = 60_000;
const told = 900_000;

/** How many places are told of at a time. */
const toldAtOnce = 1000;

/** When a client authenticated at an address, and when others were told; ms since the epoch. */
interface Trust {
  at: number;
  toldAt: number;
}

/**
 * Slows down guessing (RFC 6749 section 2.3.1): failures are counted per client and address, and per address, and
 * cost more and more time, at all replicas. A client is never locked out from elsewhere, since nothing is counted per
 * client alone; nor by a neighbour behind the same address, since a client that authenticated there within the last
 * hour is heard there whatever is counted.
 */
@Injectable()
export class FailureThrottle {
  private readonly perClient = new GrowingDelays(10, 900);
  /** Many may be behind one address, of which some fail now and then without meaning anything by it. */
  private readonly perAddress = new GrowingDelays(100, 60, 6);
  private readonly trusted = new LRUCache<string, Trust>({ max: 10_000 });
  /** As other replicas tell; by digest. */
  private readonly trustedElsewhere = new LRUCache<string, true>({ max: 10_000, ttl: trust });
  private readonly untold: string[] = [];

  constructor(news: ReplicaNews) {
    for (const [topic, delays] of [
      ['client', this.perClient],
      ['address', this.perAddress],
    ] as const) {
      news.share(`failures per ${topic}`, {
        collect: () => delays.collect(),
        take: (name, count) => delays.take(name, count),
      });
    }
    news.share('trusted', {
      collect: () => this.untold.splice(0, toldAtOnce).map((place) => [digest(place), 1]),
      take: (name) => this.trustedElsewhere.set(name, true),
    });
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
    const place = both(clientId, network(address));
    return Date.now() - (this.trusted.get(place)?.at ?? 0) < trust || this.trustedElsewhere.has(digest(place));
  }

  succeeded(clientId: string, address: string): void {
    const now = Date.now();
    const place = both(clientId, network(address));
    const { at, toldAt } = this.trusted.get(place) ?? { at: 0, toldAt: 0 };
    if (now - at <= noted) return;
    const isNews = now - toldAt > told && this.untold.length < 10_000;
    const kept = apart(place);
    this.trusted.set(kept, { at: now, toldAt: isNews ? now : toldAt });
    if (isNews) this.untold.push(kept);
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
