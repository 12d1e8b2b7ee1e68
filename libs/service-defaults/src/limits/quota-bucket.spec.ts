import { describe, expect, it } from '@jest/globals';
import { quotaCache } from './quota-bucket.ts';

describe('the cache of quotas', () => {
  it('takes no memory before there are clients', () => {
    const before = process.memoryUsage().arrayBuffers;
    const quotas = quotaCache();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000);
    expect(quotas.size).toBe(0);
  });

  it('holds at most 100,000 clients', () => {
    const quotas = quotaCache();
    for (let i = 0; i <= 100_000; i++) quotas.set(`client-${i}`, {});
    expect(quotas.size).toBe(100_000);
    expect(quotas.has('client-0')).toBe(false);
    expect(quotas.has('client-1')).toBe(true);
  });
});
