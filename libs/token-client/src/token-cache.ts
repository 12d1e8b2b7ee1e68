import { backoff } from '@lanyard/oauth-protocol';
import { LRUCache } from 'lru-cache';
import type { AccessToken } from './options.ts';
import type { TokenTarget } from './token-target.ts';
import { TokenRequestError } from './token-request-error.ts';

/** How to get a token: `request` while a caller waits, `renew` in the background. */
export interface TokenSource {
  target: TokenTarget;
  request(): Promise<AccessToken>;
  renew(): Promise<AccessToken>;
}

interface Entry {
  token: AccessToken;
  target: TokenTarget;
  /** ms since the epoch */
  renewAt: number;
  failures: number;
}

/** The tokens in use. Sends at most one request at a time for each, and has no timers. */
export class TokenCache {
  private readonly entries = new LRUCache<string, Entry>({ max: 1000 });
  private readonly requests = new Map<string, Promise<AccessToken>>();
  private readonly renewals = new Map<string, Promise<void>>();
  /** A resource server that refuses every token must not cause a flood of token requests. */
  private readonly recentlyDropped = new LRUCache<string, true>({ max: 1000, ttl: 1000 });

  async get(key: string, source: TokenSource): Promise<AccessToken> {
    const entry = this.valid(key);
    if (entry) {
      if (Date.now() >= entry.renewAt && !this.renewals.has(key)) this.renew(key, entry, source);
      return entry.token;
    }
    await this.renewals.get(key);
    return this.valid(key)?.token ?? this.request(key, source);
  }

  /**
   * @returns the target of the token; undefined if the token is not in the cache, or another one was dropped within the
   *   last second
   */
  drop(token: AccessToken): TokenTarget | undefined {
    const [key, entry] = this.entries.entries().find(([, { token: cached }]) => cached.value === token.value) ?? [];
    if (!key || this.recentlyDropped.has(key)) return undefined;
    this.entries.delete(key);
    this.recentlyDropped.set(key, true);
    return entry?.target;
  }

  private valid(key: string): Entry | undefined {
    const entry = this.entries.get(key);
    return entry && Date.now() < entry.token.expiresAt ? entry : undefined;
  }

  private request(key: string, source: TokenSource): Promise<AccessToken> {
    const pending = this.requests.get(key);
    if (pending) return pending;
    const request = source
      .request()
      .then((token) => this.keep(key, token, source.target))
      .finally(() => this.requests.delete(key));
    this.requests.set(key, request);
    return request;
  }

  private renew(key: string, entry: Entry, source: TokenSource): void {
    const renewal = source
      .renew()
      .then((token) => void this.keep(key, token, source.target))
      .catch((error: unknown) => {
        entry.failures += 1;
        entry.renewAt = Date.now() + delayAfter(entry.failures, error);
      })
      .finally(() => this.renewals.delete(key));
    this.renewals.set(key, renewal);
  }

  private keep(key: string, token: AccessToken, target: TokenTarget): AccessToken {
    const now = Date.now();
    this.entries.set(key, { token, target, renewAt: now + (token.expiresAt - now) * renewalShare(), failures: 0 });
    return token;
  }
}

/** Three quarters of the lifetime, minus up to a tenth, so that instances do not all renew at once. */
const renewalShare = () => 0.75 - Math.random() / 10;

/** ms: 1, 2, 4 … 30 seconds, and not before the server's `Retry-After` */
function delayAfter(failures: number, error: unknown): number {
  const requested = error instanceof TokenRequestError ? (error.retryAfter ?? 0) : 0;
  return 1000 * Math.max(requested, backoff(failures - 1, 1, 30));
}
