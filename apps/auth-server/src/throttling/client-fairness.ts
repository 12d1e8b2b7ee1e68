import { Injectable } from '@nestjs/common';

/** How many requests of one client are admitted in one turn of the event loop. */
const share = 32;

/**
 * Admits a share of each client's requests in one turn of the event loop, and the rest in the next turns: other clients
 * wait for one share of a burst, not for all of it.
 */
@Injectable()
export class ClientFairness {
  private readonly taken = new Map<string, number>();
  private readonly waiting = new Map<string, (() => void)[]>();
  private isTurning = false;

  /** @returns undefined if it is the client's turn now */
  turnOf(clientId: string): Promise<void> | undefined {
    if (!this.isTurning) this.turn();
    const taken = this.taken.get(clientId) ?? 0;
    if (taken < share) {
      this.taken.set(clientId, taken + 1);
      return undefined;
    }
    return new Promise((resolve) => {
      const queue = this.waiting.get(clientId);
      if (queue) queue.push(resolve);
      else this.waiting.set(clientId, [resolve]);
    });
  }

  private turn(): void {
    this.isTurning = true;
    setImmediate(() => {
      this.isTurning = false;
      this.taken.clear();
      for (const [clientId, queue] of this.waiting) {
        const next = queue.splice(0, share);
        if (queue.length === 0) this.waiting.delete(clientId);
        this.taken.set(clientId, next.length);
        for (const resolve of next) resolve();
      }
      if (this.taken.size > 0) this.turn();
    });
  }
}
