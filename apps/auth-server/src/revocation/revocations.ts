import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { issueRevocationList, RevokedTokens, type AccessToken, type Revocation } from '@lanyard/access-token';
import { OAuthError } from '@lanyard/oauth-protocol';
import { CONFIGURATION, Readiness, Registry, repeat } from '@lanyard/service-defaults';
import { LRUCache } from 'lru-cache';
import { Gauge } from 'prom-client';
import { DataSource } from 'typeorm';
import type { AuthServerConfiguration } from '../configuration.ts';
import { WaitingRequests } from '../long-poll/waiting-requests.ts';
import { coalesced } from '../registry/coalesced.ts';
import { RegistryChanges } from '../registry/registry-changes.ts';
import { SigningKeys } from '../signing-keys/signing-keys.ts';

/** How long ago the database must have been seen at least, seconds, for this replica to say what is not revoked. */
const leastStaleness = 30;

/** How long a signed list is given out, ms. */
const listReuse = 30_000;

/** How much memory signed lists may take, characters; one with 100,000 entries has 3.5 million. */
const listsAtMost = 64 * 1024 * 1024;

/** What is revoked, all in memory, as every replica knows it some milliseconds after it was committed. */
@Injectable()
export class Revocations implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  /** In the order of their sequence numbers. */
  private entries: (Revocation & { sequence: number })[] = [];
  private readonly revoked = new RevokedTokens();
  private readonly live: Gauge;
  private stopTidying?: () => void;
  /** Signed lists of the newest cursor: one signature, however many ask. */
  private readonly lists = new LRUCache<string, string>({
    maxSize: listsAtMost,
    sizeCalculation: (list) => list.length,
    ttl: listReuse,
  });
  readonly waiting = new WaitingRequests();
  /** The sequence number of the newest revocation. */
  cursor = 0;

  constructor(
    @Inject(DataSource) private readonly database: DataSource,
    @Inject(RegistryChanges) private readonly changes: RegistryChanges,
    @Inject(SigningKeys) private readonly keys: SigningKeys,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    @Inject(Registry) metrics: Registry,
    @Inject(Readiness) private readonly readiness: Readiness,
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
        ? { degraded: 'what others revoke is not heard of at the moment' }
        : undefined,
    );
    this.changes.whenLost(() => this.waiting.tell());
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
    throw new OAuthError('temporarily_unavailable', 'it is not known here at the moment what was revoked', {
      cause: `the database was last seen ${Math.round(this.changes.staleness)} s ago`,
    });
  }

  /** Whether all is known here that is revoked; looks at the database again where it was lost. */
  isCurrent(): Promise<boolean> {
    return this.changes.isReached();
  }

  private get isStale(): boolean {
    const longest = Math.max(leastStaleness, 3 * this.configuration.REGISTRY_RECONCILIATION_PERIOD);
    return this.changes.staleness > longest;
  }

  /** As soon as this has ended, what was committed before it is known here. */
  readonly load = coalesced(() => this.read());

  /**
   * The list of what is revoked, signed.
   * @param since  a cursor; undefined: from the beginning
   * @param stale  whether something may be missing
   */
  list(since?: number, stale = false): string {
    const key = JSON.stringify([this.keys.newest.kid, since ?? null, stale]);
    const known = this.lists.get(key);
    if (known !== undefined) return known;
    const list = this.sign(since, stale);
    this.lists.set(key, list);
    return list;
  }

  private sign(since: number | undefined, stale: boolean): string {
    const now = Math.floor(Date.now() / 1000);
    const begin = since === undefined ? 0 : indexAfter(this.entries, since);
    const revocations = this.entries.slice(begin).filter(({ until }) => until >= now);
    return issueRevocationList(this.configuration.ISSUER, this.keys.newest, {
      cursor: this.cursor,
      since,
      stale,
      revocations,
    });
  }

  private async read(): Promise<void> {
    // Rows as they come: there may be a hundred thousand, and entities would take seconds.
    const rows = await this.database.query<(Revocation & { sequence: string })[]>(
      `SELECT sequence, kind, id, ceil(extract(epoch FROM ends_at))::float8 AS until
       FROM revocation WHERE sequence > $1 ORDER BY sequence`,
      [this.cursor],
    );
    for (const row of rows) {
      const revocation = { ...row, sequence: Number(row.sequence) };
      this.entries.push(revocation);
      this.revoked.add(revocation);
      this.cursor = revocation.sequence;
    }
    this.live.set(this.revoked.size);
    if (rows.length === 0) return;
    this.lists.clear();
    this.waiting.tell();
  }

  private dropEnded(now: number): void {
    this.revoked.dropEnded(now);
    this.entries = this.entries.filter(({ until }) => until >= now);
    this.lists.purgeStale();
    this.live.set(this.revoked.size);
  }
}

/** Where the entries after a sequence number begin. */
function indexAfter(entries: readonly { sequence: number }[], sequence: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.sequence <= sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}
