import type { FastifyReply } from 'fastify';

/** How long a request may wait, seconds. */
const longestWait = 60;

/** How many requests may wait at a time: of one caller, and in all. */
const atMost = { ofCaller: 1000, inAll: 4000 };

/** `Prefer: wait=SECONDS`, RFC 7240 section 4.3; 0 where the request does not ask to wait. */
export function waitPreferredBy(prefer: string | undefined): number {
  const seconds = /(?:^|[,;\s])wait=(\d{1,9})(?:$|[,;\s])/.exec(prefer ?? '')?.[1] ?? 0;
  return Math.min(Number(seconds), longestWait);
}

/** Requests that wait for news. */
export class WaitingRequests {
  private readonly waiting = new Set<() => void>();
  private readonly ofCaller = new Map<string, number>();
  private stopping = false;

  /**
   * Resolves when there is news, the server stops, after `seconds`, or when the connection is closed. Says so in the
   * answer, RFC 7240 section 3, so that a caller who finds it there may wait again.
   * @param caller  who takes one of the places
   */
  async wait(seconds: number, caller: string, reply: FastifyReply): Promise<void> {
    if (seconds === 0 || this.stopping || reply.raw.destroyed) return;
    const others = this.ofCaller.get(caller) ?? 0;
    if (others >= atMost.ofCaller || this.waiting.size >= atMost.inAll) return;
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

  tell(): void {
    for (const tell of this.waiting) tell();
  }

  stop(): void {
    this.stopping = true;
    this.tell();
  }
}
