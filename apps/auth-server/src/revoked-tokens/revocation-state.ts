import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { issueRevocationList, RevokedTokens, type AccessToken, type Revocation } from '@lanyard/access-token';
import { OAuthError } from '@lanyard/oauth-protocol';
import { CONFIGURATION, Readiness, MetricsRegistry, repeat } from '@lanyard/service-defaults';
import { Gauge } from 'prom-client';
import { DataSource } from 'typeorm';
import type { AuthServerConfiguration } from '../configuration.ts';
import { WaitingRequests } from '../replicas/waiting-requests.ts';
import { serializedReload } from '../replicas/serialized-reload.ts';
import { RegistryChanges } from '../replicas/registry-changes.ts';
import { SigningKeys } from '../signing-keys/signing-keys.ts';
import { RevocationLists, type Entry, type UnsignedList } from './revocation-lists.ts';

/** How stale this replica may be and still report tokens as active, seconds; at least three reconciliation periods. */
const toleratedStaleness = 30;

/** How many rows are read at a time: some milliseconds of work, whatever their total number. */
const pageSize = 2000;

/** The minimum time between two readings of the database for resource servers that know more than this replica, ms. */
const catchUpInterval = 50;

/** All revocations, in memory; a new one reaches every replica some milliseconds after it was committed. */
@Injectable()
export class RevocationState implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  /** In the order of their sequence numbers. */
  private entries: Entry[] = [];
  private readonly revoked = new RevokedTokens();
  private readonly live: Gauge;
  private stopTidying?: () => void;
  private readonly lists = new RevocationLists((list) => this.sign(list));
  readonly waiting = new WaitingRequests();
  /** The sequence number of the newest revocation. */
  cursor = 0;

  constructor(
    private readonly database: DataSource,
    private readonly changes: RegistryChanges,
    private readonly keys: SigningKeys,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    metrics: MetricsRegistry,
    private readonly readiness: Readiness,
  ) {
    this.live = new Gauge({
      name: 'lanyard_revocations',
      help: 'tokens, grants and keys that are revoked at the moment',
      registers: [metrics],
    });
  }

  async onModuleInit(): Promise<void> {
    this.readiness.require('revocations', async () =>
      this.changes.isLost || this.isStale
        ? { degraded: 'revocations by other replicas do not arrive at the moment' }
        : undefined,
    );
    this.changes.onLost(() => this.waiting.notify());
    await this.changes.begin((subject) => (subject === 'revocations' ? this.load() : undefined));
    await this.load();
  }

  onApplicationBootstrap(): void {
    this.stopTidying = repeat(
      () => 60_000,
      () => this.dropEnded(Math.floor(Date.now() / 1000)),
      () => undefined,
    );
  }

  beforeApplicationShutdown(): void {
    this.stopTidying?.();
    this.waiting.stop();
  }

  isRevoked(accessToken: AccessToken): boolean {
    return this.revoked.has(accessToken);
  }

  /**
   * A replica that has lost the database does not know what others have revoked since.
   * @throws {OAuthError} `temporarily_unavailable`
   */
  requireCurrent(): void {
    if (!this.isStale) return;
    throw new OAuthError('temporarily_unavailable', 'the current revocations are not known at the moment', {
      cause: `the database was last seen ${Math.round(this.changes.staleness)} s ago`,
    });
  }

  /** Whether all revocations are known here; reads the database again if it was lost. */
  isCurrent(): Promise<boolean> {
    return this.changes.isCurrent();
  }

  private get isStale(): boolean {
    const longest = Math.max(toleratedStaleness, 3 * this.configuration.REGISTRY_RECONCILIATION_PERIOD);
    return this.changes.staleness > longest;
  }

  /** When this resolves, every revocation that was committed before the call is known here. */
  readonly load = serializedReload(() => this.read());

  /** Like `load`, but no more often than this replica can afford, however many resource servers cause it. */
  readonly catchUp = serializedReload(() => this.load(), catchUpInterval);

  /**
   * The signed revocation list: all of it in parts, or the entries after a cursor.
   * @param after  a cursor, not after that of this replica; undefined: from the beginning
   * @param stale  whether entries may be missing
   */
  list(after?: number, stale = false): string {
    const { entries, cursor } = this;
    return this.lists.list({ entries, cursor, after, stale, kid: this.keys.newest.kid });
  }

  private sign(list: UnsignedList): string {
    const now = Math.floor(Date.now() / 1000);
    const revocations = list.revocations.filter(({ until }) => until >= now);
    return issueRevocationList(this.configuration.ISSUER, this.keys.newest, { ...list, revocations }, now);
  }

  private async read(): Promise<void> {
    const before = this.cursor;
    while ((await this.readPage()) === pageSize);
    this.live.set(this.revoked.size);
    if (this.cursor !== before) this.waiting.notify();
  }

  /** @returns how many rows there were */
  private async readPage(): Promise<number> {
    // Plain rows: there may be a hundred thousand, and entities would take seconds.
    const rows = await this.database.query<(Revocation & { sequence: string })[]>(
      `SELECT sequence, kind, id, ceil(extract(epoch FROM ends_at))::float8 AS until
       FROM revocation WHERE sequence > $1 ORDER BY sequence LIMIT $2`,
      [this.cursor, pageSize],
    );
    for (const row of rows) {
      const revocation = { ...row, sequence: Number(row.sequence) };
      this.entries.push(revocation);
      this.revoked.add(revocation);
      this.cursor = revocation.sequence;
    }
    return rows.length;
  }

  private async dropEnded(now: number): Promise<void> {
    this.entries = this.entries.filter(({ until }) => until >= now);
    await this.revoked.dropEnded(now);
    this.live.set(this.revoked.size);
  }
}
