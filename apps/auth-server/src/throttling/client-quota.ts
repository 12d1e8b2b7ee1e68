import { quotaBucket, quotaCache } from '@lanyard/service-defaults';
import type { TokenBucket } from 'limiter';
import type { Topic } from '../replicas/replica-broadcast.ts';

interface Quota {
  perMinute: number;
  bucket: TokenBucket;
  /** used and not yet reported to the other replicas */
  unreported: number;
}

/** A client is reported once its unreported use exceeds this part of what its quota grants in a second. */
const worthReporting = 0.1;

/**
 * How often each client may do one thing. Every second, replicas report to each other how much was used by clients that
 * use a good part of their quota.
 */
export class ClientQuota implements Topic {
  private readonly quotas = quotaCache<Quota>();
  private readonly clientsToReport = new Set<string>();

  /** @returns 0; or how many seconds the client must wait */
  use(clientId: string, perMinute: number): number {
    const quota = this.quotaOf(clientId, perMinute);
    if (!quota.bucket.tryRemoveTokens(1)) return Math.max(1, Math.ceil(quota.bucket.getWaitTime(1) / 1000));
    if (quota.unreported++ === 0) this.clientsToReport.add(clientId);
    return 0;
  }

  private quotaOf(clientId: string, perMinute: number): Quota {
    const known = this.quotas.get(clientId);
    if (known?.perMinute === perMinute) return known;
    const quota = { perMinute, bucket: quotaBucket(perMinute), unreported: 0 };
    this.quotas.set(clientId, quota);
    return quota;
  }

  /** By quota and client, so that a replica which has not seen the client yet knows what to take it from. */
  *collect(): Generator<[string, number]> {
    for (const clientId of this.clientsToReport) {
      const quota = this.quotas.peek(clientId);
      if (quota && quota.unreported <= (quota.perMinute / 60) * worthReporting) continue;
      this.clientsToReport.delete(clientId);
      if (!quota) continue;
      yield [`${quota.perMinute} ${clientId}`, quota.unreported];
      quota.unreported = 0;
    }
  }

  apply(name: string, used: number): void {
    const [perMinute, clientId = ''] = name.split(' ');
    const { bucket } = this.quotaOf(clientId, Number(perMinute));
    // Adds what the bucket has gained so far, so that it is not added after the deduction.
    bucket.drip();
    bucket.content = Math.max(bucket.content - used, -bucket.bucketSize);
  }
}
