import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';

/** How long a request is delayed, seconds. */
export const delay = 1;

/** How many requests of one client are delayed at a time. */
const maxDelayed = 1000;

/** Requests over a quota that are answered later instead of refused. */
@Injectable()
export class DelayedRequests {
  private readonly delayed = new Map<string, number>();

  /** @returns undefined if too many requests of the client are delayed already */
  delay(clientId: string): Promise<void> | undefined {
    const before = this.delayed.get(clientId) ?? 0;
    if (before >= maxDelayed) return undefined;
    this.delayed.set(clientId, before + 1);
    return sleep(delay * 1000).then(() => this.end(clientId));
  }

  private end(clientId: string): void {
    const left = this.delayed.get(clientId)! - 1;
    if (left > 0) this.delayed.set(clientId, left);
    else this.delayed.delete(clientId);
  }
}
