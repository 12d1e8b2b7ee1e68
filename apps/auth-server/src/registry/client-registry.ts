import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { isClientIdentifier, isReservedIdentifier } from '@lanyard/administration';
import { OAuthError } from '@lanyard/oauth-protocol';
import { CONFIGURATION, Readiness, MetricsRegistry } from '@lanyard/service-defaults';
import { InjectRepository } from '@nestjs/typeorm';
import { LRUCache } from 'lru-cache';
import { Counter } from 'prom-client';
import { MoreThan, Repository } from 'typeorm';
import type { AuthServerConfiguration } from '../configuration.ts';
import { Client } from './client.entity.ts';
import { ClientIdFilter } from './client-id-filter.ts';
import { RegistryChanges } from '../replicas/registry-changes.ts';

/**
 * How long clients are authenticated from memory without the database, seconds. After that, all are refused, since a
 * client may have been disabled meanwhile. Revocations are kept long enough to cover this time, too.
 */
export const longestStaleness = 3600;

/** The registered clients, read through a bounded cache that changes in the database invalidate. */
@Injectable()
export class ClientRegistry implements OnModuleInit {
  private readonly cache: LRUCache<string, Client>;
  /** Lookups under way, so that many requests of one client make one statement. */
  private readonly lookups = new Map<string, Promise<Client | undefined>>();
  private idFilter = new ClientIdFilter(1);
  private readonly databaseLookups: Counter;

  constructor(
    @InjectRepository(Client) private readonly clients: Repository<Client>,
    private readonly changes: RegistryChanges,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    metrics: MetricsRegistry,
    readiness: Readiness,
  ) {
    readiness.require('clients', async () => this.requireFresh());
    this.cache = new LRUCache({ max: configuration.REGISTRY_CACHE_SIZE });
    this.databaseLookups = new Counter({
      name: 'lanyard_registry_lookups_total',
      help: 'clients that were read from the database because they were not in memory',
      registers: [metrics],
    });
  }

  async onModuleInit(): Promise<void> {
    await this.changes.begin((subject) => this.changed(subject));
    await this.learnClientIds();
  }

  /**
   * @returns the client with its secrets, disabled or not; undefined if there is none
   * @throws {OAuthError}  `temporarily_unavailable`
   */
  find(clientId: string): Client | Promise<Client | undefined> | undefined {
    this.requireFresh();
    // Checked first, though few clients need it, so that it costs every client the same.
    if (!isClientIdentifier(clientId) || !this.idFilter.mayHave(clientId)) return undefined;
    return this.cache.get(clientId) ?? this.lookUp(clientId);
  }

  /** Stands in for unknown clients, so that they cost the same work; no secret hashes to its digest of zeros. */
  get dummyClient(): Client {
    const cached = this.cache.get('');
    if (cached) return cached;
    const secret = { id: '', clientId: '', digest: Buffer.alloc(32), hint: '', expiresAt: null, oneTime: false };
    const dummyClient = this.clients.create({ clientId: '', disabledAt: null, secrets: [secret] });
    this.cache.set('', dummyClient);
    return dummyClient;
  }

  private requireFresh(): void {
    if (this.changes.staleness <= longestStaleness) return;
    throw new OAuthError('temporarily_unavailable', 'the client registry is not available at the moment');
  }

  private lookUp(clientId: string): Promise<Client | undefined> {
    const underWay = this.lookups.get(clientId);
    if (underWay) return underWay;
    this.databaseLookups.inc();
    const lookup = this.clients
      .find({ where: { clientId }, relations: { secrets: true } })
      .then(([client]) => {
        if (client)
          client.resourceServerOf = client.resourceServerOf.filter((identifier) => !this.isReserved(identifier));
        // A change meanwhile removes the lookup from the map: its result may be stale, and is used only this once.
        if (client && this.lookups.get(clientId) === lookup) this.cache.set(clientId, client);
        return client;
      })
      .finally(() => {
        if (this.lookups.get(clientId) === lookup) this.lookups.delete(clientId);
      });
    this.lookups.set(clientId, lookup);
    return lookup;
  }

  /** A row that was registered before its identifier became reserved has no effect. */
  private isReserved(identifier: string): boolean {
    return isReservedIdentifier(identifier, this.configuration.ISSUER);
  }

  private changed(subject: string): void {
    const prefix = 'client:';
    if (!subject.startsWith(prefix)) return;
    const clientId = subject.slice(prefix.length);
    this.cache.delete(clientId);
    this.lookups.delete(clientId);
    this.idFilter.add(clientId);
  }

  /** Reads in pages, so that any number of clients needs little memory. The filter has room for twice as many. */
  private async learnClientIds(): Promise<void> {
    this.idFilter = new ClientIdFilter(Math.max(10_000, 2 * (await this.clients.count())));
    for (let after = '', page: Client[] = []; ; after = page.at(-1)!.clientId) {
      page = await this.clients.find({
        select: { clientId: true },
        where: { clientId: MoreThan(after) },
        order: { clientId: 'ASC' },
        take: 10_000,
      });
      for (const { clientId } of page) this.idFilter.add(clientId);
      if (page.length < 10_000) return;
    }
  }
}
