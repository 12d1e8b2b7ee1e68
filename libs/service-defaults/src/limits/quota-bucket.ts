import { TokenBucket } from 'limiter';

/** So many a minute, of which those of ten seconds may come at once, and ten in any case; full at first. */
export function quotaBucket(perMinute: number): TokenBucket {
  const bucketSize = Math.max(perMinute / 6, Math.min(perMinute, 10));
  const bucket = new TokenBucket({ bucketSize, tokensPerInterval: perMinute, interval: 'minute' });
  bucket.content = bucketSize;
  return bucket;
}
