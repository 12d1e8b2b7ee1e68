import { listClockTolerance, RevokedTokens, revocationsIn, type AccessToken } from '@lanyard/access-token';
import { basicCredentials, type RevocationListClaims } from '@lanyard/oauth-protocol';
import { readSecret, type SecretSource } from '@lanyard/token-client';
import { errors } from 'jose';
import { IssuerConnection, type IssuerConnectionOptions } from '@lanyard/token-client/issuer-connection';
import type { KeySource } from '../keys/key-source.ts';
import { IntrospectionClient } from './introspection-client.ts';
import { RevocationListFollower, type Applied } from './revocation-list-follower.ts';
import { RevocationUnknownError, type RevocationSource } from './revocation-source.ts';

/** What happens to tokens while the revocation list is stale. */
export const stalenessPolicies = ['accept', 'introspect', 'refuse'] as const;
export type StalenessPolicy = (typeof stalenessPolicies)[number];

export interface RevocationOptions {
  /** the client identifier of this resource server at the authorization server */
  clientId: string;
  /** a function is called for each request */
  clientSecret: SecretSource;
  /**
   * While the list is stale: `accept` tokens until they expire unless they are known to be revoked (the default),
   * `introspect` each token and refuse it with 503 if there is no answer, or `refuse` all tokens with 503.
   */
  whenStale?: StalenessPolicy;
  /**
   * How old the last current list may be before it counts as stale, seconds; default 60, minimum 10. If nothing is
   * revoked, a list arrives every 20 seconds, or three times within this period if that is more often.
   */
  staleAfter?: number;
  /** Lets credentials travel over plain http to another host; default false. */
  allowInsecureRequests?: boolean;
}

export interface RevocationClientOptions extends RevocationOptions, IssuerConnectionOptions {
  /** the keys that sign the list */
  keys: KeySource;
  /** called for each failed request, and once if lists are no newer than the last one */
  onError?: (error: unknown) => void;
  /** called when the list becomes stale, and when it is current again */
  onStaleness?: (isStale: boolean) => void;
}

/**
 * The authorization server's revocation list in memory, kept current by a request that waits for changes, so that
 * checking a token needs no request. Known revocations stay in force while the list is stale.
 */
export class RevocationClient implements RevocationSource {
  private readonly options: RevocationClientOptions;
  private readonly connection: IssuerConnection;
  private readonly follower: RevocationListFollower;
  private readonly introspection: IntrospectionClient;
  private readonly revoked = new RevokedTokens();
  private readonly firstAttempt = Promise.withResolvers<void>();
  private attempted = false;
  private startedAt = Number.POSITIVE_INFINITY;
  private currentAt = Number.NEGATIVE_INFINITY;
  /** when the newest list was signed, seconds since the epoch */
  private newest = Number.NEGATIVE_INFINITY;
  private reportedOld = false;
  private droppedAt = performance.now();
  private reportedStale = false;

  /** @throws if the secret would travel over plain http to another host, or an option has its former name */
  constructor(options: RevocationClientOptions) {
    // Callers without types would get `accept` instead of what they chose.
    if ('whenSilent' in options || 'silentAfter' in options) {
      throw new TypeError('the options whenSilent and silentAfter are now called whenStale and staleAfter');
    }
    this.options = options;
    this.connection = new IssuerConnection(options);
    this.connection.requireConfidential(options.issuer);
    this.introspection = new IntrospectionClient(this.connection, options);
    this.follower = new RevocationListFollower({
      issuer: options.issuer,
      connection: this.connection,
      // A withdrawn key must not sign a list either.
      getKey: (header, token) => {
        if (this.revoked.hasKey(header?.kid)) throw new errors.JWKSNoMatchingKey();
        return options.keys.getKey(header, token);
      },
      authorization: async () => basicCredentials(options.clientId, await readSecret(options.clientSecret)),
      // Short enough that a list arrives before the last one is stale.
      wait: Math.max(1, Math.min(20, Math.floor(this.staleAfter / 3))),
      apply: (list) => this.apply(list),
      onError: (error) => this.reportError(error),
    });
  }

  /** Fetches the list and keeps following it. Does not wait for the server, nor fail if it is down. */
  start(): void {
    this.startedAt = performance.now();
    void this.follower.follow(() => {
      this.attempted = true;
      this.firstAttempt.resolve();
    });
  }

  stop(): void {
    this.connection.stop();
    this.firstAttempt.resolve();
  }

  /** The number of entries. */
  get size(): number {
    return this.revoked.size;
  }

  /** Seconds since the list was current; infinite if it never was. */
  get staleness(): number {
    return (performance.now() - this.currentAt) / 1000;
  }

  get isStale(): boolean {
    return this.staleness > this.staleAfter;
  }

  /** seconds */
  private get staleAfter(): number {
    return this.options.staleAfter ?? 60;
  }

  get whenStale(): StalenessPolicy {
    return this.options.whenStale ?? 'accept';
  }

  /** Whether the list was requested at least once since the start. */
  get wasRequested(): boolean {
    return this.attempted;
  }

  /** Sends no request, unless the list is stale and the policy is `introspect`. */
  isRevoked(accessToken: AccessToken, token: string): boolean | Promise<boolean> {
    if (this.revoked.has(accessToken)) return true;
    return this.isStale && this.isRevokedWhileStale(accessToken, token);
  }

  private async isRevokedWhileStale(accessToken: AccessToken, token: string): Promise<boolean> {
    await this.firstAttempt.promise;
    if (this.revoked.has(accessToken)) return true;
    if (!this.isStale) return false;
    switch (this.whenStale) {
      case 'accept':
        return false;
      case 'introspect':
        return !(await this.introspection.isActive(token));
      case 'refuse':
        throw new RevocationUnknownError('the revocation list is stale');
      default:
        return this.whenStale satisfies never;
    }
  }

  /** Entries are never removed before their end, whatever a later list says. */
  private async apply(list: RevocationListClaims): Promise<Applied> {
    if (performance.now() - this.droppedAt > 60_000) {
      await this.revoked.dropEnded(Math.floor(Date.now() / 1000));
      this.droppedAt = performance.now();
    }
    const before = this.revoked.size;
    await this.revoked.addAll(revocationsIn(list));
    const isNewest = !list.more && !list.stale && list.iat > this.newest;
    if (isNewest) this.becomeCurrent(list.iat);
    else if (!list.more && !list.stale) this.handleOldList(list.iat);
    return { hasNewEntries: this.revoked.size > before, isNewest };
  }

  /** @param signedAt  seconds since the epoch; the age of the list counts as staleness, minus the clock tolerance */
  private becomeCurrent(signedAt: number): void {
    this.newest = signedAt;
    this.reportedOld = false;
    const age = Math.max(0, Date.now() / 1000 - signedAt - listClockTolerance);
    this.currentAt = Math.max(this.currentAt, performance.now() - age * 1000);
    if (!this.isStale) this.reportStaleness(false);
  }

  /**
   * Only a list that was signed after all earlier ones shows that the entries are current: any other may be a replay.
   * It is not reported at once, since a replica's clock may be slightly behind, or several lists arrive in one second.
   */
  private handleOldList(signedAt: number): void {
    if (this.staleness < this.staleAfter / 2 || this.reportedOld) return this.checkStaleness();
    this.reportedOld = true;
    const age = this.newest - signedAt;
    this.reportError(
      new Error(
        `no newer revocation list has arrived: this one was signed ${age} s before the newest, and may be a replay`,
      ),
    );
  }

  private reportError(error: unknown): void {
    quietly(() => this.options.onError?.(error));
    this.checkStaleness();
  }

  private checkStaleness(): void {
    // An authorization server that starts at the same time may not answer yet.
    const isStarting = performance.now() - this.startedAt <= this.staleAfter * 1000;
    if (this.isStale && !isStarting) this.reportStaleness(true);
  }

  private reportStaleness(isStale: boolean): void {
    if (isStale === this.reportedStale) return;
    this.reportedStale = isStale;
    quietly(() => this.options.onStaleness?.(isStale));
  }
}

/** An error in a listener must not stop the client. */
function quietly(notify: () => void): void {
  try {
    notify();
  } catch (error) {
    process.emitWarning(String(error));
  }
}
