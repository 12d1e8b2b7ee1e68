import { LRUCache } from 'lru-cache';

interface Failures {
  count: number;
  /** when the last one was counted, ms since the epoch */
  at: number;
  /** ms since the epoch */
  until: number;
}

/** How long failures are remembered after the last one, ms. */
const memory = 3_600_000;

/** Delays a caller that failed too often, twice as long after each further failure: 1, 2, 4 … seconds. */
export class ExponentialBackoff {
  private readonly failures = new LRUCache<string, Failures>({ max: 10_000, ttl: memory, ttlAutopurge: true });
  private readonly unpublished = new Set<string>();

  /**
   * @param free     the number of failures at which the delays begin
   * @param longest  the longest delay, seconds
   * @param fading   after how many seconds one failure is forgotten; default: never
   */
  constructor(
    private readonly free: number,
    private readonly longest: number,
    private readonly fading = Number.POSITIVE_INFINITY,
  ) {}

  get isEmpty(): boolean {
    return this.failures.size === 0;
  }

  /** @returns 0 if the caller need not wait */
  secondsToWait(name: string): number {
    const ms = (this.failures.get(name)?.until ?? 0) - Date.now();
    return Math.max(0, Math.ceil(ms / 1000));
  }

  count(name: string): void {
    this.set(name, this.countOf(name) + 1);
    if (this.secondsToWait(name) > 0) this.unpublished.add(name);
  }

  /** The callers that began to wait since the last call, each with its failures. */
  *collect(): Generator<[string, number]> {
    const names = [...this.unpublished];
    this.unpublished.clear();
    for (const name of names) yield [name, this.countOf(name)];
  }

  /** Applies what another replica has counted. */
  apply(name: string, count: number): void {
    if (count > this.countOf(name)) this.set(name, count);
  }

  private countOf(name: string): number {
    const { count, at } = this.failures.get(name) ?? { count: 0, at: 0 };
    return Math.max(0, count - (Date.now() - at) / 1000 / this.fading);
  }

  private set(name: string, count: number): void {
    const now = Date.now();
    const delay = count < this.free ? 0 : Math.min(2 ** Math.floor(count - this.free), this.longest);
    this.failures.set(name, { count, at: now, until: now + delay * 1000 });
  }
}
