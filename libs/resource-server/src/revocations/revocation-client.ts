import { listClockTolerance, RevokedTokens, revocationsIn, type AccessToken } from '@lanyard/access-token';
import { basicCredentials, type RevocationListClaims } from '@lanyard/oauth-protocol';
import { readSecret, type SecretSource } from '@lanyard/token-client';
import { errors } from 'jose';
import { IssuerConnection, type IssuerConnectionOptions } from '@lanyard/token-client/issuer-connection';
import type { KeySource } from '../keys/key-source.ts';
import { IntrospectionClient } from './introspection-client.ts';
import { RevocationListFollower, type Taken } from './revocation-list-follower.ts';
import { RevocationUnknownError, type RevocationSource } from './revocation-source.ts';

/** What happens to tokens while the list of revocations is stale. */
export const stalenessPolicies = ['accept', 'introspect', 'refuse'] as const;
export type StalenessPolicy = (typeof stalenessPolicies)[number];

export interface RevocationOptions {
  /** the client that this resource server is at the authorization server */
  clientId: string;
  /** read anew for each request, where it is a function */
  clientSecret: SecretSource;
  /**
   * While the list is stale: `accept` tokens that are not known to be revoked until they expire (the default),
   * `introspect` each token and refuse it with 503 where there is no answer, or `refuse` all tokens with 503.
   */
  whenStale?: StalenessPolicy;
  /**
   * How old the last current list may be before it counts as stale, seconds; default 60, at least 10. When nothing is
   * revoked, a list comes every 20 seconds, or three times within this period.
   */
  staleAfter?: number;
  /** Lets credentials travel over plain http to another host; default false. */
  allowInsecureRequests?: boolean;
}

export interface RevocationClientOptions extends RevocationOptions, IssuerConnectionOptions {
  /** who signs the list */
  keys: KeySource;
  /** called for each request that failed, and once if lists are no newer than the last one */
  onError?: (error: unknown) => void;
  /** called when the list becomes stale, and when it is current again */
  onStaleness?: (isStale: boolean) => void;
}

/**
 * The authorization server's list of revocations, held in memory and kept current by a request that waits for changes:
 * one lookup for each token, and no call. A revocation that is known stays known while the list is stale.
 */
export class RevocationClient implements RevocationSource {
  private readonly options: RevocationClientOptions;
  private readonly connection: IssuerConnection;
  private readonly feed: RevocationListFollower;
  private readonly introspection: IntrospectionClient;
  private readonly revoked = new RevokedTokens();
  private readonly firstAttempt = Promise.withResolvers<void>();
  private attempted = false;
  private startedAt = Number.POSITIVE_INFINITY;
  private currentAt = Number.NEGATIVE_INFINITY;
  /** when the newest list was signed, seconds since the epoch */
  private newest = Number.NEGATIVE_INFINITY;
  private reportedOld = false;
  private tidiedAt = performance.now();
  private reportedStale = false;

  /** @throws where the secret would travel over plain http to another host */
  constructor(options: RevocationClientOptions) {
    this.options = options;
    this.connection = new IssuerConnection(options);
    this.connection.requireConfidential(options.issuer);
    this.introspection = new IntrospectionClient(this.connection, options);
    this.feed = new RevocationListFollower({
      issuer: options.issuer,
      connection: this.connection,
      // A withdrawn key signs no list either.
      getKey: (header, token) => {
        if (this.revoked.hasKey(header?.kid)) throw new errors.JWKSNoMatchingKey();
        return options.keys.getKey(header, token);
      },
      authorization: async () => basicCredentials(options.clientId, await readSecret(options.clientSecret)),
      // So that a list comes before the last one is stale.
      wait: Math.max(1, Math.min(20, Math.floor(this.staleAfter / 3))),
      take: (list) => this.take(list),
      onError: (error) => this.failed(error),
    });
  }

  /** Fetches the list and goes on following it. Does not wait for the server, nor fail without it. */
  start(): void {
    this.startedAt = performance.now();
    void this.feed.follow(() => {
      this.attempted = true;
      this.firstAttempt.resolve();
    });
  }

  stop(): void {
    this.connection.stop();
    this.firstAttempt.resolve();
  }

  /** How many entries are held. */
  get size(): number {
    return this.revoked.size;
  }

  /** Seconds since the list was current; infinite where it never was. */
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

  /** Whether the list was asked for at least once since the start. */
  get wasAskedFor(): boolean {
    return this.attempted;
  }

  /** Without a call, unless the list is stale. */
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
        throw new RevocationUnknownError('the list of revocations is stale');
      default:
        return this.whenStale satisfies never;
    }
  }

  /** Entries are never taken back before their end, whatever a later list says. */
  private async take(list: RevocationListClaims): Promise<Taken> {
    if (performance.now() - this.tidiedAt > 60_000) {
      await this.revoked.dropEnded(Math.floor(Date.now() / 1000));
      this.tidiedAt = performance.now();
    }
    const before = this.revoked.size;
    await this.revoked.addAll(revocationsIn(list));
    const isNews = !list.more && !list.stale && list.iat > this.newest;
    if (isNews) this.becomeCurrent(list.iat);
    else if (!list.more && !list.stale) this.takeOld(list.iat);
    return { isNew: this.revoked.size > before, isNews };
  }

  /** @param signedAt  the list's age counts as staleness, as far as differing clocks do not explain it */
  private becomeCurrent(signedAt: number): void {
    this.newest = signedAt;
    this.reportedOld = false;
    const age = Math.max(0, Date.now() / 1000 - signedAt - listClockTolerance);
    this.currentAt = Math.max(this.currentAt, performance.now() - age * 1000);
    if (!this.isStale) this.reportStaleness(false);
  }

  /**
   * A list that is not newer than all before it says nothing about now: an attacker may repeat it. It is not reported
   * where another replica's clock is a bit behind, nor where several lists come in one second.
   */
  private takeOld(signedAt: number): void {
    if (this.staleness < this.staleAfter / 2 || this.reportedOld) return this.checkStaleness();
    this.reportedOld = true;
    const age = this.newest - signedAt;
    this.failed(
      new Error(
        `no newer list of revocations has come: this one was signed ${age} s before the newest, and may be a replay`,
      ),
    );
  }

  private failed(error: unknown): void {
    quietly(() => this.options.onError?.(error));
    this.checkStaleness();
  }

  private checkStaleness(): void {
    // A server that starts together with this one needs time.
    const isPatient = performance.now() - this.startedAt <= this.staleAfter * 1000;
    if (this.isStale && !isPatient) this.reportStaleness(true);
  }

  private reportStaleness(isStale: boolean): void {
    if (isStale === this.reportedStale) return;
    this.reportedStale = isStale;
    quietly(() => this.options.onStaleness?.(isStale));
  }
}

/** A listener that throws must not end what it listens to. */
function quietly(notify: () => void): void {
  try {
    notify();
  } catch (error) {
    process.emitWarning(String(error));
  }
}
