import { Inject, Injectable } from '@nestjs/common';
import {
  faultsOf,
  isAdministrative,
  isReservedIdentifier,
  reservedIn,
  scopeValuesOf,
  type ClientChange,
  type ClientDescription,
  type CreatedClient,
  type RegisteredClient,
} from '@lanyard/administration';
import { CONFIGURATION, conflict, invalid, notFound } from '@lanyard/service-defaults';
import { InjectDataSource } from '@nestjs/typeorm';
import { Brackets, DataSource, In, type EntityManager } from 'typeorm';
import { appendAuditEvents } from '../../audit/append-audit-events.ts';
import type { AuthServerConfiguration } from '../../configuration.ts';
import { bulk, emergencies } from '../../pools.ts';
import { Client } from '../../registry/client.entity.ts';
import { ProtectedResource, Scope } from '../../registry/protected-resource.entity.ts';
import { revokeGrants } from '../../revoked-tokens/revoke.ts';
import { administrate } from '../administrate.ts';
import { lostScopes, requireOwnScopes, revokeForLostScopes } from '../administrative-scopes.ts';
import { requireMatch } from '../entity-tag.ts';
import { Idempotency } from '../idempotency.ts';
import type { Administrator } from '../current-administrator.ts';
import { shareResources } from '../resources-lock.ts';
import { Secrets } from '../secrets/secrets.ts';
import type { ClientQuery } from './client.query.ts';
import { registeredClientOf } from './registered-client.ts';

/** The registration of clients. */
@Injectable()
export class Clients {
  constructor(
    private readonly database: DataSource,
    @InjectDataSource(emergencies) private readonly emergencies: DataSource,
    @InjectDataSource(bulk) private readonly bulk: DataSource,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    private readonly idempotency: Idempotency,
    private readonly secrets: Secrets,
  ) {}

  /** Registers a client with a first secret. */
  create(administrator: Administrator, client: ClientDescription, idempotencyKey?: string) {
    const [reserved] = reservedIn({ resources: [], clients: [client] }, this.configuration.ISSUER);
    if (reserved) throw invalid([{ ...reserved, path: ['client_id'] }]);
    const permit = (manager: EntityManager) => requireOwnScopes(manager, administrator, scopeValuesOf(client.scope));
    return this.idempotency.once<CreatedClient>(administrator, idempotencyKey, client, permit, async (manager) => {
      await shareResources(manager);
      await requireValid(manager, this.configuration.ISSUER, client);
      const clientId = client.client_id;
      const { raw } = await manager
        .createQueryBuilder()
        .insert()
        .into(Client)
        .values({ clientId, ...columnsOf(client), disabledAt: client.disabled ? new Date() : null })
        .orIgnore()
        .returning('*')
        .execute();
      if ((raw as object[]).length === 0) throw conflict('client-exists', 'The client exists', `${clientId} is taken`);
      const created = await manager.findOneByOrFail(Client, { clientId });
      const registered = registeredClientOf(created);
      const { secret, row, records } = await this.secrets.insert(manager, administrator, created, {});
      await appendAuditEvents(manager, [
        { type: 'client.created', origin: administrator, clientId, details: descriptionOf(registered) },
        ...records,
      ]);
      return {
        ...registered,
        client_secret: secret,
        client_secret_expires_at: row.expiresAt ? Math.floor(row.expiresAt.getTime() / 1000) : 0,
      };
    });
  }

  async read(clientId: string): Promise<RegisteredClient> {
    const client = await this.database.manager.findOneBy(Client, { clientId });
    if (!client) throw notFound('client');
    return registeredClientOf(client);
  }

  /** A page in the order of client identifiers. */
  async list({ q, scope, disabled, limit, after }: ClientQuery): Promise<RegisteredClient[]> {
    const query = this.bulk.manager.createQueryBuilder(Client, 'client').orderBy('client.clientId').limit(limit);
    if (after !== undefined) query.andWhere('client.clientId > :after', { after });
    if (scope !== undefined) query.andWhere(':scope = ANY(client.scope)', { scope });
    if (disabled !== undefined) query.andWhere(`client.disabledAt IS ${disabled ? 'NOT NULL' : 'NULL'}`);
    if (q !== undefined) {
      const pattern = `%${q.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
      const found = (text: string) => `client.${text} ILIKE :pattern`;
      query.andWhere(new Brackets((either) => either.where(found('clientId')).orWhere(found('clientName'))), {
        pattern,
      });
    }
    return (await query.getMany()).map(registeredClientOf);
  }

  change(administrator: Administrator, clientId: string, change: ClientChange, ifMatch?: string) {
    return this.locked(this.bulk, administrator, clientId, ifMatch, async (manager, client, before) => {
      const after = { ...before, ...change };
      await requireValid(manager, this.configuration.ISSUER, after);
      await requireOwnScopes(manager, administrator, scopeValuesOf(after.scope));
      const details = differences(before, change);
      if (Object.keys(details).length === 0) return client;
      const lost = lostScopes(client.scope, scopeValuesOf(after.scope));
      const changed = await manager.save(Client, Object.assign(client, columnsOf(after)));
      await appendAuditEvents(manager, [
        { type: 'client.changed', origin: administrator, clientId, details },
        ...(await revokeForLostScopes(manager, administrator, clientId, lost)),
      ]);
      return changed;
    });
  }

  /** Changes nothing if the client is in that state already. */
  setDisabled(administrator: Administrator, clientId: string, disabled: boolean, ifMatch?: string) {
    const database = disabled ? this.emergencies : this.bulk;
    return this.locked(database, administrator, clientId, ifMatch, async (manager, client, before) => {
      if (before.disabled === disabled) return client;
      if (disabled) requireOther(administrator, clientId, 'disable');
      const changed = await manager.save(Client, Object.assign(client, { disabledAt: disabled ? new Date() : null }));
      if (disabled) await revokeGrants(manager, clientId);
      const type = disabled ? 'client.disabled' : 'client.enabled';
      await appendAuditEvents(manager, [{ type, origin: administrator, clientId }]);
      return changed;
    });
  }

  async delete(administrator: Administrator, clientId: string, ifMatch?: string): Promise<void> {
    await this.locked(this.emergencies, administrator, clientId, ifMatch, async (manager, client, before) => {
      requireOther(administrator, clientId, 'delete');
      await revokeGrants(manager, clientId);
      await manager.delete(Client, { clientId });
      const details = descriptionOf(before);
      await appendAuditEvents(manager, [{ type: 'client.deleted', origin: administrator, clientId, details }]);
      return client;
    });
  }

  /** Changes one client under a lock. Refuses the change if `If-Match` names another state. */
  private locked(
    database: DataSource,
    administrator: Administrator,
    clientId: string,
    ifMatch: string | undefined,
    work: (manager: EntityManager, client: Client, before: RegisteredClient) => Promise<Client>,
  ): Promise<RegisteredClient> {
    return administrate(database, administrator, async (manager) => {
      // Only changes of what a client may do depend on resources: an emergency does not wait for the resources' lock.
      if (database === this.bulk) await shareResources(manager);
      const client = await manager.findOne(Client, { where: { clientId }, lock: { mode: 'pessimistic_write' } });
      if (!client) throw notFound('client');
      const before = registeredClientOf(client);
      requireMatch(ifMatch, before);
      await requireOwnScopes(manager, administrator, client.scope);
      return registeredClientOf(await work(manager, client, before));
    });
  }
}

/** Checks against the database: a resource that was registered a moment ago may not be in memory yet. */
async function requireValid(
  manager: EntityManager,
  issuer: string,
  client: { scope: string; default_scope: string; resource_server_of: string[] },
): Promise<void> {
  const values = scopeValuesOf(`${client.scope} ${client.default_scope}`.trim());
  const scopes = await manager.findBy(Scope, { value: In(values) });
  const owners = new Map(scopes.map(({ value, resourceIdentifier }) => [value, resourceIdentifier]));
  const identifiers = client.resource_server_of.filter((identifier) => !isReservedIdentifier(identifier, issuer));
  const resources = await manager.findBy(ProtectedResource, { identifier: In(identifiers) });
  const faults = faultsOf(client, {
    resourceOf: (value) => (isAdministrative(value) ? 'administration' : owners.get(value)),
    isResource: (identifier) => resources.some((resource) => resource.identifier === identifier),
  });
  if (faults.length > 0) throw invalid(faults);
}

/** Administrators cannot lock themselves out: they could not undo it. */
export function requireOther({ actor }: Administrator, clientId: string, verb: string): void {
  if (actor === clientId)
    throw conflict('own-client', 'Your own client', `you act as ${clientId}: you cannot ${verb} it`);
}

/** The description of a client, without its identifier and times. */
const descriptionOf = ({ client_id: _1, client_id_issued_at: _2, updated_at: _3, ...description }: RegisteredClient) =>
  description;

/** The columns of a client that a request or response describes. */
export function columnsOf(client: Omit<ClientDescription, 'grant_types'> & { grant_types: string[] }) {
  return {
    clientName: client.client_name ?? client.client_id,
    grantTypes: client.grant_types,
    scope: scopeValuesOf(client.scope),
    defaultScope: scopeValuesOf(client.default_scope),
    resourceServerOf: client.resource_server_of,
    accessTokenLifetime: client.access_token_lifetime,
    tokensPerMinute: client.tokens_per_minute,
  };
}

/** Each field that changes, with its old and new value. */
export function differences(before: object, change: object): Record<string, { from: unknown; to: unknown }> {
  return Object.fromEntries(
    Object.entries(change).flatMap(([field, to]) => {
      const from = (before as Record<string, unknown>)[field];
      return to === undefined || JSON.stringify(from) === JSON.stringify(to) ? [] : [[field, { from, to }]];
    }),
  );
}
