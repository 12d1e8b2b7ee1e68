import { TokenBucket } from 'limiter';
import { LRUCache } from 'lru-cache';

/**
 * A quota per minute, full at first. What it grants in ten seconds may arrive at once; of a quota below 60 per minute,
 * ten, or all of it.
 */
export function quotaBucket(perMinute: number): TokenBucket {
  const bucketSize = Math.max(perMinute / 6, Math.min(perMinute, 10));
  const bucket = new TokenBucket({ bucketSize, tokensPerInterval: perMinute, interval: 'minute' });
  bucket.content = bucketSize;
  return bucket;
}

/** The quotas of at most 100,000 clients. It grows with them; with `max`, it would allocate 3 MB at once. */
export const quotaCache = <Quota extends object>() =>
  new LRUCache<string, Quota>({ maxSize: 100_000, sizeCalculation: () => 1 });
