import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { network } from '@lanyard/service-defaults';
import { LRUCache } from 'lru-cache';
import { ExponentialBackoff } from './exponential-backoff.ts';
import { ReplicaBroadcast } from '../replicas/replica-broadcast.ts';

/** How long a client that authenticated at an address is admitted there in spite of failures, ms. */
const recently = 3_600_000;

/** How often that is renewed here, and published to the other replicas, ms. */
const renewalPeriod = 60_000;
const publicationPeriod = 900_000;

/** The maximum number of pairs of client and address that are published at a time. */
const publishedAtOnce = 1000;

/** When a client authenticated at an address, and when that was published; ms since the epoch. */
interface Authenticated {
  at: number;
  publishedAt: number;
}

/**
 * Slows down guessing (RFC 6749 section 2.3.1): failures are counted per client and address, and per address, and cause
 * ever longer delays, at all replicas. A caller at another address cannot lock a client out, since nothing is counted
 * per client only; nor can a neighbour behind the same address, since a client that authenticated there within the last
 * hour is admitted there whatever the count.
 */
@Injectable()
export class FailureThrottle {
  private readonly perClient = new ExponentialBackoff(10, 900);
  /** Many clients may share one address, and some of them fail now and then by mistake. */
  private readonly perAddress = new ExponentialBackoff(100, 60, 6);
  private readonly authenticated = new LRUCache<string, Authenticated>({ max: 10_000 });
  /** What other replicas published; by digest. */
  private readonly authenticatedElsewhere = new LRUCache<string, true>({ max: 10_000, ttl: recently });
  private readonly unpublished: string[] = [];

  constructor(broadcast: ReplicaBroadcast) {
    for (const [topic, delays] of [
      ['client', this.perClient],
      ['address', this.perAddress],
    ] as const) {
      broadcast.register(`failures per ${topic}`, {
        collect: () => delays.collect(),
        apply: (name, count) => delays.apply(name, count),
      });
    }
    // Its name is that of replicas of earlier releases.
    broadcast.register('trusted', {
      collect: () => this.unpublished.splice(0, publishedAtOnce).map((pair) => [digest(pair), 1]),
      apply: (name) => this.authenticatedElsewhere.set(name, true),
    });
  }

  /** @returns how many seconds this client must wait at this address; 0 if it need not wait */
  secondsToWait(clientId: string, address: string): number {
    if (this.perAddress.isEmpty && this.perClient.isEmpty) return 0;
    const place = network(address);
    return Math.max(
      this.perAddress.secondsToWait(digest(place)),
      this.perClient.secondsToWait(digest(pairOf(clientId, place))),
    );
  }

  /** Whether the client authenticated at this address within the hour. */
  authenticatedRecently(clientId: string, address: string): boolean {
    const pair = pairOf(clientId, network(address));
    return (
      Date.now() - (this.authenticated.get(pair)?.at ?? 0) < recently || this.authenticatedElsewhere.has(digest(pair))
    );
  }

  succeeded(clientId: string, address: string): void {
    const now = Date.now();
    const pair = pairOf(clientId, network(address));
    const { at, publishedAt } = this.authenticated.get(pair) ?? { at: 0, publishedAt: 0 };
    if (now - at <= renewalPeriod) return;
    const isDue = now - publishedAt > publicationPeriod && this.unpublished.length < 10_000;
    const kept = detached(pair);
    this.authenticated.set(kept, { at: now, publishedAt: isDue ? now : publishedAt });
    if (isDue) this.unpublished.push(kept);
  }

  /** Counts at once: guesses that arrive together must not all be admitted before the first one is counted. */
  failed(clientId: string, address: string): void {
    const place = network(address);
    this.perAddress.count(digest(place));
    this.perClient.count(digest(pairOf(clientId, place)));
  }
}

/** A presented identifier may be long, or a secret in the wrong place: only its digest is published. */
const digest = (name: string): string => hash('sha256', name, 'base64url').slice(0, 22);

/** A copy: V8 would keep the whole request in memory for a part of it. */
const detached = (text: string): string => Buffer.from(text).toString();

/** No client has a longer identifier; only its digest is kept, behind a space, which no identifier has. */
const pairOf = (clientId: string, place: string) =>
  `${place} ${clientId.length > 255 ? ` ${digest(clientId)}` : clientId}`;
