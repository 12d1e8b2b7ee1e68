import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { TokenBucket } from 'limiter';
import { LRUCache } from 'lru-cache';
import type { AuthServerConfiguration } from '../configuration.ts';
import type { Client } from '../registry/client.entity.ts';
import { ReplicaNews } from './replica-news.ts';

interface Quota {
  perMinute: number;
  bucket: TokenBucket;
  /** issued since the others were told */
  untold: number;
}

/** Clients that use less of their quota than this part are not worth telling. */
const worthTelling = 0.1;

/**
 * How many access tokens each client may obtain: so many a minute, of which those of ten seconds may come at once.
 * Replicas tell each other every second what a client took that uses a good part of its quota.
 */
@Injectable()
export class ClientQuotas {
  private readonly quotas = new LRUCache<string, Quota>({ max: 100_000 });
  private readonly takers = new Set<string>();

  constructor(
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    @Inject(ReplicaNews) news: ReplicaNews,
  ) {
    news.share('tokens', {
      collect: () => this.collect(),
      take: (name, tokens) => this.takeAway(name, tokens),
    });
  }

  /**
   * Takes one token of the client's quota.
   * @returns 0; or how many seconds it must wait, where there is none left
   */
  take({ clientId, tokensPerMinute }: Client): number {
    const quota = this.quotaOf(clientId, tokensPerMinute ?? this.configuration.TOKENS_PER_MINUTE);
    if (!quota.bucket.tryRemoveTokens(1)) return Math.max(1, Math.ceil(quota.bucket.getWaitTime(1) / 1000));
    if (quota.untold++ === 0) this.takers.add(clientId);
    return 0;
  }

  private quotaOf(clientId: string, perMinute: number): Quota {
    const known = this.quotas.get(clientId);
    if (known?.perMinute === perMinute) return known;
    const atOnce = Math.max(perMinute / 6, Math.min(perMinute, 10));
    const bucket = new TokenBucket({ bucketSize: atOnce, tokensPerInterval: perMinute, interval: 'minute' });
    bucket.content = atOnce;
    const quota = { perMinute, bucket, untold: 0 };
    this.quotas.set(clientId, quota);
    return quota;
  }

  /** By quota and client, so that a replica which has not seen the client yet knows what to take it from. */
  private *collect(): Generator<[string, number]> {
    for (const clientId of this.takers) {
      const quota = this.quotas.peek(clientId);
      if (quota && quota.untold <= (quota.perMinute / 60) * worthTelling) continue;
      this.takers.delete(clientId);
      if (!quota) continue;
      yield [`${quota.perMinute} ${clientId}`, quota.untold];
      quota.untold = 0;
    }
  }

  private takeAway(name: string, tokens: number): void {
    const [perMinute, clientId = ''] = name.split(' ');
    const { bucket } = this.quotaOf(clientId, Number(perMinute));
    // What it has gained since it was last looked at is not to be added afterwards.
    bucket.drip();
    bucket.content = Math.max(bucket.content - tokens, -bucket.bucketSize);
  }
}
