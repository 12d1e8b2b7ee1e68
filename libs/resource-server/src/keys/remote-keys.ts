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
  /** the minimum time between two fetches that requests cause, seconds; default 30 */
  cooldown?: number;
  /** the algorithms whose keys may be used; default: all that access tokens may have */
  algorithms?: readonly AccessTokenAlgorithm[];
  /** called for each failed fetch, after which the current keys stay in use, and for keys that cannot be used */
  onError?: (error: unknown) => void;
}

/** A JWK Set has keys that cannot verify signatures. */
export class UnusableKeysError extends Error {
  override readonly name = 'UnusableKeysError';

  constructor(address: string, what: string, faults: readonly string[]) {
    super(`the JWK Set at ${address} has ${what}${faults.length > 0 ? ` (${faults.slice(0, 10).join('; ')})` : ''}`);
  }
}

/** How long a request waits for new keys, seconds. */
const wait = 50;

/**
 * The authorization server's keys in memory: fetched at the start, refreshed in the background, and kept through any
 * outage of the server. A JWK Set without a usable key counts as an outage. Tokens with unknown keys cause at most one
 * fetch per cooldown, including failed ones.
 * If the server lets requests wait for new keys (`Prefer: wait`, RFC 7240), a withdrawn key is dropped at once.
 */
export class RemoteKeys implements KeySource {
  private readonly options: Required<
    Pick<RemoteKeysOptions, 'issuer' | 'refreshInterval' | 'cooldown' | 'algorithms' | 'onError'>
  >;
  private readonly connection: IssuerConnection;
  private keys: JWTVerifyGetKey | undefined;
  /** the number of answers so far, and the number of the answer applied last */
  private answers = 0;
  private applied = 0;
  /** the JWK Set in use, as it was answered */
  private appliedText = '';
  private jwksUri = '';
  private etag: string | undefined;
  private fetching: Promise<void> | undefined;
  private lastAttempt = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private failures = 0;
  private failedWaits = 0;
  /** whether the server has let a request wait before */
  private supportsWaiting = false;

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

  /** Fetches the keys and keeps refreshing them. Does not wait for the server, nor fail if it is down. */
  start(): void {
    void this.refreshForever();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.connection.stop();
  }

  /**
   * The key for a token's header, in the form that jose expects.
   * @throws {KeysUnavailableError}  if no keys could be fetched so far
   * @throws {errors.JWKSNoMatchingKey}  if the server has no key with that `kid`
   */
  readonly getKey: JWTVerifyGetKey = async (header, token) => {
    if (!this.keys) {
      await this.fetchUnlessRecent(1);
      if (!this.keys) throw new KeysUnavailableError('the keys of the authorization server have not been fetched yet');
    }
    try {
      return await this.keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !(await this.fetchUnlessRecent(this.options.cooldown))) {
        throw error;
      }
      return this.keys(header, token);
    }
  };

  /** @returns whether there was a fetch, including one that was already running */
  private async fetchUnlessRecent(seconds: number): Promise<boolean> {
    if (!this.fetching && performance.now() - this.lastAttempt < seconds * 1000) return false;
    await this.fetch();
    return true;
  }

  /** One fetch at a time; a failure leaves the keys unchanged. */
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
    const { issuer, jwks_uri: jwksUri } = await this.connection.metadata();
    if (jwksUri === undefined) throw new Error(`the metadata of ${issuer} has no jwks_uri`);
    this.jwksUri = jwksUri;
    await this.apply(await this.connection.send(jwksUri));
  }

  /**
   * Keeps the same object for the same keys, so that tokens validated with them stay remembered.
   * @throws if none of the keys can be used
   */
  private async apply({ text, headers }: Answer): Promise<void> {
    const number = ++this.answers;
    if (text !== this.appliedText) {
      const { usable, faults } = await usableKeys(jwkSetIn(text), this.options.algorithms);
      // A newer answer was applied meanwhile.
      if (number < this.applied) return;
      if (usable.length === 0) throw new UnusableKeysError(this.jwksUri, 'no key that can be used', faults);
      this.keys = createLocalJWKSet({ keys: usable });
      this.appliedText = text;
      if (faults.length > 0) {
        this.options.onError(new UnusableKeysError(this.jwksUri, 'keys that cannot be used', faults));
      }
    }
    this.applied = number;
    this.etag = headers.get('etag') ?? undefined;
  }

  private async refreshForever(): Promise<void> {
    await this.fetch();
    const { refreshInterval } = this.options;
    let quickAnswers = 0;
    for (let begun = performance.now(); await this.waitForChange(); begun = performance.now()) {
      // A replica that lags behind may have answered with an older set: ask again soon. Repeated immediate answers
      // lengthen the pause.
      quickAnswers = performance.now() - begun < 1000 ? quickAnswers + 1 : 1;
      await this.connection.pause(backoff(quickAnswers, 50, refreshInterval * 1000));
    }
    if (this.connection.isStopped) return;
    const failures = Math.max(this.failures, this.failedWaits);
    const retry = backoff(failures, 0.25, 30);
    // A server that is stopping or has too many waiting requests may let requests wait again soon.
    const seconds = Math.min(failures > 0 ? retry : this.supportsWaiting ? 5 : refreshInterval, refreshInterval);
    // Jitter, so that replicas do not all ask at once.
    this.timer = setTimeout(() => void this.refreshForever(), seconds * 1000 * (0.9 + Math.random() / 5));
    this.timer.unref();
  }

  /**
   * Waits for new keys.
   * @returns false if the server does not let requests wait, or cannot at the moment
   */
  private async waitForChange(): Promise<boolean> {
    if (this.failures > 0 || !this.etag || this.connection.isStopped) return false;
    const conditions = { 'if-none-match': this.etag, prefer: `wait=${wait}` };
    try {
      const answer = await this.connection.send(this.jwksUri, { headers: conditions }, { waiting: wait * 1000 });
      const changed = answer.status !== 304;
      if (changed) await this.apply(answer);
      this.failedWaits = 0;
      this.supportsWaiting ||= answer.headers.has('preference-applied');
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
