import { Inject, Injectable } from '@nestjs/common';
import {
  isAdministrative,
  isReservedIdentifier,
  type Resource,
  type ResourceDescription,
} from '@lanyard/administration';
import { CONFIGURATION, conflict, invalid, notFound } from '@lanyard/service-defaults';
import { InjectDataSource } from '@nestjs/typeorm';
import { Any, ArrayOverlap, DataSource, In, Not, type EntityManager } from 'typeorm';
import { appendAuditEvents } from '../../audit/append-audit-events.ts';
import { bulk } from '../../pools.ts';
import type { AuthServerConfiguration } from '../../configuration.ts';
import { Client } from '../../registry/client.entity.ts';
import { ProtectedResource, Scope } from '../../registry/protected-resource.entity.ts';
import { administrate } from '../administrate.ts';
import { requireMatch } from '../entity-tag.ts';
import type { Administrator } from '../current-administrator.ts';
import { differences } from '../clients/clients.ts';
import { lockResources } from '../resources-lock.ts';

/** The protected resources and their scopes. */
@Injectable()
export class Resources {
  constructor(
    @InjectDataSource(bulk) private readonly database: DataSource,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  list(): Promise<Resource[]> {
    return readResources(this.database.manager);
  }

  async read(identifier: string): Promise<Resource> {
    const [resource] = await readResources(this.database.manager, identifier);
    if (!resource) throw notFound('resource');
    return resource;
  }

  /** Registers the resource, or changes it to match the request. */
  async put(administrator: Administrator, identifier: string, description: ResourceDescription, ifMatch?: string) {
    return administrate(this.database, administrator, async (manager) => {
      const [before] = await this.lock(manager, identifier);
      requireMatch(ifMatch, before);
      if (isReservedIdentifier(identifier, this.configuration.ISSUER)) {
        throw invalid([{ path: ['identifier'], message: 'belongs to the authorization server itself' }]);
      }
      await requireFree(manager, identifier, Object.keys(description.scopes));
      const dropped = Object.keys(before?.scopes ?? {}).filter((value) => !Object.hasOwn(description.scopes, value));
      await requireUnused(manager, dropped);
      if (dropped.length > 0) await manager.delete(Scope, { value: In(dropped) });
      await saveResources(manager, [{ identifier, ...description }]);
      const details = before ? { identifier, ...differences(before, description) } : { identifier, ...description };
      const type = before ? 'resource.changed' : 'resource.created';
      if (!before || Object.keys(details).length > 1) {
        await appendAuditEvents(manager, [{ type, origin: administrator, details }]);
      }
      const [resource] = await readResources(manager, identifier);
      return { resource: resource!, created: !before };
    });
  }

  async delete(administrator: Administrator, identifier: string, ifMatch?: string): Promise<void> {
    await administrate(this.database, administrator, async (manager) => {
      const [before] = await this.lock(manager, identifier);
      if (!before) throw notFound('resource');
      requireMatch(ifMatch, before);
      await requireUnused(manager, Object.keys(before.scopes));
      await requireUnserved(manager, [identifier]);
      await manager.delete(ProtectedResource, { identifier });
      await appendAuditEvents(manager, [{ type: 'resource.deleted', origin: administrator, details: before }]);
    });
  }

  private async lock(manager: EntityManager, identifier: string): Promise<Resource[]> {
    await lockResources(manager);
    return readResources(manager, identifier);
  }
}

/** Reads plain rows, since a hundred thousand entities would take a second. */
export const readResources = (manager: EntityManager, identifier?: string): Promise<Resource[]> =>
  manager.query<Resource[]>(
    `SELECT identifier, name, coalesce(scopes, '{}') AS scopes, access_token_lifetime, access_token_typ
     FROM protected_resource
     LEFT JOIN (
       SELECT resource, json_object_agg(value, description ORDER BY value COLLATE "C") AS scopes
       FROM scope WHERE $1::text IS NULL OR resource = $1 GROUP BY resource
     ) AS scopes ON resource = identifier
     WHERE $1::text IS NULL OR identifier = $1 ORDER BY identifier`,
    [identifier ?? null],
  );

/** A version that changes with every change of a resource or scope. */
export async function versionOfResources(manager: EntityManager): Promise<string> {
  const [row] = await manager.query<[{ version: string }]>(
    `SELECT md5(coalesce(string_agg(xmin::text, ' ' ORDER BY xmin::text), '')) AS version
     FROM (SELECT xmin FROM protected_resource UNION ALL SELECT xmin FROM scope) AS rows`,
  );
  return row.version;
}

/** Creates and changes resources; a scope value that belonged to another resource moves. */
export async function saveResources(manager: EntityManager, resources: readonly Resource[]): Promise<void> {
  if (resources.length === 0) return;
  await manager.query(
    `INSERT INTO protected_resource (identifier, name, access_token_lifetime, access_token_typ)
     SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[])
     ON CONFLICT (identifier) DO UPDATE SET name = excluded.name,
       access_token_lifetime = excluded.access_token_lifetime, access_token_typ = excluded.access_token_typ`,
    [
      resources.map(({ identifier }) => identifier),
      resources.map(({ name }) => name),
      resources.map(({ access_token_lifetime: lifetime }) => lifetime),
      resources.map(({ access_token_typ: typ }) => typ),
    ],
  );
  const scopes = resources.flatMap(({ identifier, scopes }) =>
    Object.entries(scopes).map(([value, description]) => ({ value, description, identifier })),
  );
  await manager.query(
    `INSERT INTO scope (value, description, resource) SELECT * FROM unnest($1::text[], $2::text[], $3::text[])
     ON CONFLICT (value) DO UPDATE SET description = excluded.description, resource = excluded.resource`,
    [
      scopes.map(({ value }) => value),
      scopes.map(({ description }) => description),
      scopes.map(({ identifier }) => identifier),
    ],
  );
}

async function requireFree(manager: EntityManager, identifier: string, values: string[]): Promise<void> {
  const taken = await manager.findBy(Scope, { value: In(values) });
  const others = new Set(taken.filter((scope) => scope.resourceIdentifier !== identifier).map(({ value }) => value));
  const faults = values
    .filter((value) => isAdministrative(value) || others.has(value))
    .map((value) => ({ path: ['scopes', value], message: 'belongs to another resource' }));
  if (faults.length > 0) throw invalid(faults);
}

/**
 * A scope cannot be deleted while a client has it.
 * @param except  clients that will no longer have it
 */
export async function requireUnused(manager: EntityManager, values: string[], except: string[] = []): Promise<void> {
  if (values.length === 0) return;
  const rows = await manager.query<{ value: string; clients: string }[]>(
    `SELECT value, count(*) AS clients FROM client, unnest(scope) AS value
     WHERE value = ANY($1) AND client_id <> ALL($2) GROUP BY value`,
    [values, except],
  );
  if (rows.length === 0) return;
  const uses = rows.map(({ value, clients }) => `${value} (${clients} clients)`).join(', ');
  throw conflict('scope-in-use', 'The scope is in use', `clients have it: ${uses}; change them first`);
}

/**
 * A resource cannot be deleted while a client is its resource server: if the identifier was registered again, that
 * client would be the resource server of the new resource.
 * @param except  clients that will no longer be its resource server
 */
export async function requireUnserved(
  manager: EntityManager,
  identifiers: string[],
  except: string[] = [],
): Promise<void> {
  if (identifiers.length === 0) return;
  const where = { resourceServerOf: ArrayOverlap(identifiers), clientId: Not(Any(except)) };
  const client = await manager.findOneBy(Client, where);
  if (!client) return;
  const use = `the client ${client.clientId} is its resource server; change that first`;
  throw conflict('resource-in-use', 'The resource is in use', use);
}
