import { TokenBucket } from 'limiter';
import { LRUCache } from 'lru-cache';

/** So many a minute, of which those of ten seconds may come at once, and ten in any case; full at first. */
export function quotaBucket(perMinute: number): TokenBucket {
  const bucketSize = Math.max(perMinute / 6, Math.min(perMinute, 10));
  const bucket = new TokenBucket({ bucketSize, tokensPerInterval: perMinute, interval: 'minute' });
  bucket.content = bucketSize;
  return bucket;
}

/** What is known of the quotas of 100,000 clients at most. It grows with them: with `max`, 3 MB would be taken at once. */
export const quotaCache = <Quota extends object>() =>
  new LRUCache<string, Quota>({ maxSize: 100_000, sizeCalculation: () => 1 });
