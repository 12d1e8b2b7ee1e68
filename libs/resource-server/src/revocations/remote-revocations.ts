import { listClockTolerance, RevokedTokens, revocationsIn, type AccessToken } from '@lanyard/access-token';
import { basicCredentials, type RevocationListClaims } from '@lanyard/oauth-protocol';
import { readSecret, type SecretSource } from '@lanyard/token-client';
import { errors } from 'jose';
import { IssuerConnection, type IssuerConnectionOptions } from '../issuer/issuer-connection.ts';
import type { KeySource } from '../keys/key-source.ts';
import { RemoteIntrospection } from './remote-introspection.ts';
import { RevocationFeed, type Taken } from './revocation-feed.ts';
import { RevocationUnknownError, type RevocationSource } from './revocation-source.ts';

/** What happens to tokens while nothing was heard of revocations for too long. */
export const silencePolicies = ['accept', 'introspect', 'refuse'] as const;
export type SilencePolicy = (typeof silencePolicies)[number];

export interface RevocationOptions {
  /** the client that this resource server is at the authorization server */
  clientId: string;
  /** read anew for each request, where it is a function */
  clientSecret: SecretSource;
  /**
   * While nothing was heard for too long: `accept` what is not known to be revoked until it expires (the default), ask
   * about each token by introspection and refuse with 503 where there is no answer, or `refuse` all with 503.
   */
  whenSilent?: SilencePolicy;
  /**
   * For how long nothing may be heard, seconds; default 60, at least 10. In quiet times something is heard every 20, or
   * in a third of it.
   */
  silentAfter?: number;
  /** Lets credentials travel over plain http to another host; default false. */
  allowInsecureRequests?: boolean;
}

export interface RemoteRevocationsOptions extends RevocationOptions, IssuerConnectionOptions {
  /** who signs the list */
  keys: KeySource;
  /** called for each request that failed, and once if lists are no newer than the last one */
  onError?: (error: unknown) => void;
  /** told when the list falls silent for too long, and when it is heard again */
  onSilence?: (silent: boolean) => void;
}

/**
 * What the authorization server has revoked, held in memory and kept up to date by a request that waits for news: a
 * lookup for each token, and no call. What was revoked stays so through any silence.
 */
export class RemoteRevocations implements RevocationSource {
  private readonly options: RemoteRevocationsOptions;
  private readonly connection: IssuerConnection;
  private readonly feed: RevocationFeed;
  private readonly introspection: RemoteIntrospection;
  private readonly revoked = new RevokedTokens();
  private readonly firstAttempt = Promise.withResolvers<void>();
  private attempted = false;
  private startedAt = Number.POSITIVE_INFINITY;
  private heardAt = Number.NEGATIVE_INFINITY;
  /** when the newest list was signed, seconds since the epoch */
  private newest = Number.NEGATIVE_INFINITY;
  private reportedOld = false;
  private tidiedAt = performance.now();
  private toldSilent = false;

  /** @throws where the secret would travel over plain http to another host */
  constructor(options: RemoteRevocationsOptions) {
    this.options = options;
    this.connection = new IssuerConnection(options);
    this.connection.requireConfidential(options.issuer);
    const authorization = async () => basicCredentials(options.clientId, await readSecret(options.clientSecret));
    this.introspection = new RemoteIntrospection(this.connection, authorization);
    this.feed = new RevocationFeed({
      issuer: options.issuer,
      connection: this.connection,
      // A withdrawn key signs no list either.
      getKey: (header, token) => {
        if (this.revoked.hasKey(header?.kid)) throw new errors.JWKSNoMatchingKey();
        return options.keys.getKey(header, token);
      },
      authorization,
      // So that something is heard before the silence is too long.
      wait: Math.max(1, Math.min(20, Math.floor(this.patience / 3))),
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

  /** Seconds since something was heard; infinite where nothing was so far. */
  get silence(): number {
    return (performance.now() - this.heardAt) / 1000;
  }

  get isSilent(): boolean {
    return this.silence > this.patience;
  }

  /** seconds */
  private get patience(): number {
    return this.options.silentAfter ?? 60;
  }

  get whenSilent(): SilencePolicy {
    return this.options.whenSilent ?? 'accept';
  }

  /** Whether the list was asked for at least once since the start. */
  get wasAskedFor(): boolean {
    return this.attempted;
  }

  /** Without a call, unless nothing was heard for too long. */
  isRevoked(accessToken: AccessToken, token: string): boolean | Promise<boolean> {
    if (this.revoked.has(accessToken)) return true;
    return this.isSilent && this.isRevokedInSilence(accessToken, token);
  }

  private async isRevokedInSilence(accessToken: AccessToken, token: string): Promise<boolean> {
    await this.firstAttempt.promise;
    if (this.revoked.has(accessToken)) return true;
    if (!this.isSilent) return false;
    switch (this.whenSilent) {
      case 'accept':
        return false;
      case 'introspect':
        return !(await this.introspection.isActive(token));
      case 'refuse':
        throw new RevocationUnknownError('nothing was heard of revocations for too long');
      default:
        return this.whenSilent satisfies never;
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
    if (isNews) this.heard(list.iat);
    else if (!list.more && !list.stale) this.takeOld(list.iat);
    return { isNew: this.revoked.size > before, isNews };
  }

  /** @param signedAt  its age counts as silence, as far as clocks that differ do not explain it */
  private heard(signedAt: number): void {
    this.newest = signedAt;
    this.reportedOld = false;
    const age = Math.max(0, Date.now() / 1000 - signedAt - listClockTolerance);
    this.heardAt = Math.max(this.heardAt, performance.now() - age * 1000);
    if (!this.isSilent) this.tellSilence(false);
  }

  /**
   * A list that is not newer than all before it says nothing of now: an attacker may repeat it. It is not reported
   * where another replica's clock is a bit behind, nor where there are several lists in a second.
   */
  private takeOld(signedAt: number): void {
    if (this.silence < this.patience / 2 || this.reportedOld) return this.lookForSilence();
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
    this.lookForSilence();
  }

  private lookForSilence(): void {
    // A server that starts together with this one needs its time.
    const isPatient = performance.now() - this.startedAt <= this.patience * 1000;
    if (this.isSilent && !isPatient) this.tellSilence(true);
  }

  private tellSilence(silent: boolean): void {
    if (silent === this.toldSilent) return;
    this.toldSilent = silent;
    quietly(() => this.options.onSilence?.(silent));
  }
}

/** A listener that throws must not end what it listens to. */
function quietly(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    process.emitWarning(String(error));
  }
}
