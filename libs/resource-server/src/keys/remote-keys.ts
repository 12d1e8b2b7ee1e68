import { setTimeout as sleep } from 'node:timers/promises';
import {
  accessTokenAlgorithms,
  KeysUnavailableError,
  usableKeys,
  type AccessTokenAlgorithm,
} from '@lanyard/access-token';
import { backoff } from '@lanyard/oauth-protocol';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { IssuerConnection, type Answer, type IssuerConnectionOptions } from '@lanyard/token-client/issuer-connection';
import type { KeySource } from './key-source.ts';

export interface RemoteKeysOptions extends IssuerConnectionOptions {
  /** seconds; default 300 */
  refreshInterval?: number;
  /** the least time between two fetches that requests cause, seconds; default 30 */
  cooldown?: number;
  /** the algorithms whose keys can be used; default: all that access tokens may have */
  algorithms?: readonly AccessTokenAlgorithm[];
  /** called for each fetch that failed, where the keys at hand stay in use, and for keys that cannot be used */
  onError?: (error: unknown) => void;
}

/** A JWK Set has keys that cannot verify anything. */
export class UnusableKeysError extends Error {
  override readonly name = 'UnusableKeysError';

  constructor(address: string, what: string, faults: readonly string[]) {
    super(`the JWK Set at ${address} has ${what}${faults.length > 0 ? ` (${faults.slice(0, 10).join('; ')})` : ''}`);
  }
}

/** How long to wait for new keys where the server can tell of them, seconds. */
const wait = 50;

/**
 * The authorization server's keys, held in memory: fetched ahead of need, refreshed in the background, and kept through any
 * outage of the server; a JWK Set without a usable key counts as an outage. Tokens with unknown keys cause one fetch per
 * cooldown at most; failed ones count.
 * Where the server can tell of new keys (`Prefer: wait`, RFC 7240), a key that is withdrawn is dropped at once.
 */
export class RemoteKeys implements KeySource {
  private readonly options: Required<
    Pick<RemoteKeysOptions, 'refreshInterval' | 'cooldown' | 'algorithms' | 'onError'>
  >;
  private readonly connection: IssuerConnection;
  private keys: JWTVerifyGetKey | undefined;
  /** how many answers there were, and which was taken last */
  private answers = 0;
  private taken = 0;
  /** what the server answered last */
  private text = '';
  private address = '';
  private etag: string | undefined;
  private fetching: Promise<void> | undefined;
  private lastAttempt = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private failures = 0;
  private failedWaits = 0;
  /** whether the server has told of keys before */
  private tells = false;

  constructor(options: RemoteKeysOptions) {
    this.connection = new IssuerConnection(options);
    const defaults = {
      refreshInterval: 300,
      cooldown: 30,
      algorithms: accessTokenAlgorithms,
      onError: () => undefined,
    };
    this.options = { ...defaults, ...options };
  }

  get available(): boolean {
    return this.keys !== undefined;
  }

  get keySet(): object | undefined {
    return this.keys;
  }

  /** Fetches the keys and goes on refreshing them. Does not wait for the server, nor fail without it. */
  start(): void {
    void this.refreshForever();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.connection.stop();
  }

  /**
   * The key for a token's header, as jose asks for it.
   * @throws {KeysUnavailableError}  where no keys could be had so far
   * @throws {errors.JWKSNoMatchingKey}  where the server has no such key
   */
  readonly getKey: JWTVerifyGetKey = async (header, token) => {
    if (!this.keys) {
      await this.fetchUnlessLately(1);
      if (!this.keys) throw new KeysUnavailableError('the authorization server has not given its keys yet');
    }
    try {
      return await this.keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !(await this.fetchUnlessLately(this.options.cooldown))) {
        throw error;
      }
      return this.keys(header, token);
    }
  };

  /** @returns whether there was a fetch, be it one under way already */
  private async fetchUnlessLately(seconds: number): Promise<boolean> {
    if (!this.fetching && performance.now() - this.lastAttempt < seconds * 1000) return false;
    await this.fetch();
    return true;
  }

  /** One fetch at a time; a failure leaves the keys as they are. */
  private fetch(): Promise<void> {
    this.fetching ??= this.fetchKeys()
      .then(
        () => {
          this.failures = 0;
        },
        (error: unknown) => {
          this.failures += 1;
          this.options.onError(error);
        },
      )
      .finally(() => {
        this.lastAttempt = performance.now();
        this.fetching = undefined;
      });
    return this.fetching;
  }

  private async fetchKeys(): Promise<void> {
    const { issuer, jwks_uri: address } = await this.connection.metadata();
    if (address === undefined) throw new Error(`the metadata of ${issuer} have no jwks_uri`);
    this.address = address;
    await this.take(await this.connection.send(this.address));
  }

  /**
   * The same keys are the same object, so that what was validated with them stays so.
   * @throws where none of them can be used
   */
  private async take({ text, headers }: Answer): Promise<void> {
    const number = ++this.answers;
    if (text !== this.text) {
      const { usable, faults } = await usableKeys(jwkSetIn(text), this.options.algorithms);
      // A newer answer was taken meanwhile.
      if (number < this.taken) return;
      if (usable.length === 0) throw new UnusableKeysError(this.address, 'no key that can be used', faults);
      this.keys = createLocalJWKSet({ keys: usable });
      this.text = text;
      if (faults.length > 0) {
        this.options.onError(new UnusableKeysError(this.address, 'keys that cannot be used', faults));
      }
    }
    this.taken = number;
    this.etag = headers.get('etag') ?? undefined;
  }

  private async refreshForever(): Promise<void> {
    await this.fetch();
    const { refreshInterval } = this.options;
    let quickAnswers = 0;
    for (let begun = performance.now(); await this.toldOfChange(); begun = performance.now()) {
      // A replica that lags behind may have answered with an older set: ask again soon. Whoever answers at once again
      // and again is asked less and less.
      quickAnswers = performance.now() - begun < 1000 ? quickAnswers + 1 : 1;
      await this.paused(backoff(quickAnswers, 0.05, refreshInterval));
    }
    if (this.connection.isStopped) return;
    const failures = Math.max(this.failures, this.failedWaits);
    const retry = backoff(failures, 0.25, 30);
    // One that is about to stop, or has too many who wait, may be able to tell again soon.
    const seconds = Math.min(failures > 0 ? retry : this.tells ? 5 : refreshInterval, refreshInterval);
    // Jitter, so that replicas do not ask all at once.
    this.timer = setTimeout(() => void this.refreshForever(), seconds * 1000 * (0.9 + Math.random() / 5));
    this.timer.unref();
  }

  private paused(seconds: number): Promise<void> {
    return sleep(seconds * 1000, undefined, { signal: this.connection.untilStopped, ref: false }).catch(
      () => undefined,
    );
  }

  /**
   * Waits for new keys.
   * @returns false where the server does not tell of them, or cannot at the moment
   */
  private async toldOfChange(): Promise<boolean> {
    if (this.failures > 0 || !this.etag || this.connection.isStopped) return false;
    const conditions = { 'if-none-match': this.etag, prefer: `wait=${wait}` };
    try {
      const answer = await this.connection.send(this.address, { headers: conditions }, { waiting: wait * 1000 });
      const changed = answer.status !== 304;
      if (changed) await this.take(answer);
      this.failedWaits = 0;
      this.tells ||= answer.headers.has('preference-applied');
      return changed || answer.headers.has('preference-applied');
    } catch (error) {
      if (this.connection.isStopped) return false;
      this.failedWaits += 1;
      this.options.onError(error);
      return false;
    }
  }
}

function jwkSetIn(text: string): JSONWebKeySet {
  const set = JSON.parse(text) as JSONWebKeySet | null;
  if (!Array.isArray(set?.keys)) throw new Error('the JWK Set is malformed');
  return set;
}
