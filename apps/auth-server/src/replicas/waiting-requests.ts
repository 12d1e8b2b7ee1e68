import type { FastifyReply } from 'fastify';

/** How long a request may wait, seconds. */
const longestWait = 60;

/** How many requests may wait at a time: of one caller, and in total. */
const limits = { perCaller: 1000, total: 4000 };

/** `Prefer: wait=SECONDS`, RFC 7240 section 4.3; 0 if the request does not ask to wait. */
export function waitPreferredBy(prefer: string | undefined): number {
  const seconds = /(?:^|[,;\s])wait=(\d{1,9})(?:$|[,;\s])/.exec(prefer ?? '')?.[1] ?? 0;
  return Math.min(Number(seconds), longestWait);
}

/** Requests that wait for a change. */
export class WaitingRequests {
  private readonly waiting = new Set<() => void>();
  private readonly ofCaller = new Map<string, number>();
  private stopping = false;

  get size(): number {
    return this.waiting.size;
  }

  /**
   * Resolves on a change, when the server stops, after `seconds`, or when the connection is closed. The answer confirms
   * the preference, RFC 7240 section 3, so that the caller knows that it may wait again.
   * @param caller  whose waiting requests count together for the limit per caller
   */
  async wait(seconds: number, caller: string, reply: FastifyReply): Promise<void> {
    if (seconds === 0 || this.stopping || reply.raw.destroyed) return;
    const others = this.ofCaller.get(caller) ?? 0;
    if (others >= limits.perCaller || this.waiting.size >= limits.total) return;
    this.ofCaller.set(caller, others + 1);
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, seconds * 1000);
    this.waiting.add(resolve);
    reply.raw.once('close', resolve);
    await promise;
    clearTimeout(timer);
    this.waiting.delete(resolve);
    const left = this.ofCaller.get(caller)! - 1;
    if (left > 0) this.ofCaller.set(caller, left);
    else this.ofCaller.delete(caller);
    void reply.header('preference-applied', `wait=${seconds}`);
  }

  notify(): void {
    for (const resolve of this.waiting) resolve();
  }

  stop(): void {
    this.stopping = true;
    this.notify();
  }
}
