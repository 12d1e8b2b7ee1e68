import {
  administrativeScopes,
  faultsOf,
  registryLimits,
  scopeValuesOf,
  type RegistryChange,
  type RegistryDescription,
  type Resource,
} from '@lanyard/administration';
import { invalid } from '@lanyard/service-defaults';
import type { EntityManager } from 'typeorm';
import { lostScopes, requireOwnScopes } from '../administrative-scopes.ts';
import { columnsOf, differences, requireOther } from '../clients/clients.ts';
import type { Administrator } from '../current-administrator.ts';
import { readResources, requireUnserved, requireUnused, versionOfResources } from '../resources/resources.ts';
import { comparedAtOnce, describedClients, slicesOf, type PlannedClient } from './planned-clients.ts';
import { requireFewChanges } from './require-few-changes.ts';

interface Change<State> {
  id: string;
  change: RegistryChange;
  /** undefined: it is deleted */
  after?: State;
  /** the administrative scopes that a client loses */
  lost?: string[];
}

/** The changes that make the registry match its description. */
export interface RegistryPlan {
  resources: Change<Resource>[];
  /** scope values to delete */
  dropped: string[];
  /** identifiers of the resources to delete */
  deletedResources: string[];
  /** the version of the resources that the plan is based on */
  version: string;
  clients: (Change<PlannedClient> & { version: string | undefined })[];
  changes: RegistryChange[];
  /** listed clients without a valid secret */
  without_secret: string[];
}

/**
 * Compares the registry with a description: plans what to create and change and, with `prune`, what to delete because
 * it is not listed, but never a client that may administer. Takes no lock, and writes nothing.
 */
export async function planRegistry(
  manager: EntityManager,
  administrator: Administrator,
  registry: RegistryDescription,
  { prune }: { prune: boolean },
): Promise<RegistryPlan> {
  // Read before the resources, so that a change between the two readings is noticed.
  const version = await versionOfResources(manager);
  const current = await readResources(manager);
  const resources = changedResources(current, registry.resources, prune);
  requireFewChanges('resources', resources.length);
  requireKnown(registry, stateAfter(current, resources));
  const clients = await changedClients(manager, administrator, registry, prune);
  const dropped = resources.flatMap((resource) => resource.dropped);
  const deletedResources = resources.filter(({ after }) => !after).map(({ id }) => id);
  const changed = clients.map(({ id }) => id);
  // Except by changed clients: `requireKnown` has checked the listed ones, and the others are about to be deleted.
  await requireUnused(manager, dropped, changed);
  await requireUnserved(manager, deletedResources, changed);
  return {
    resources,
    dropped,
    deletedResources,
    version,
    clients,
    changes: [...resources, ...clients].map(({ change }) => change),
    without_secret: await withoutSecret(manager, registry),
  };
}

/** The states that are to be saved. */
export const definedOf = <State>(changes: Change<State>[]): State[] =>
  changes.flatMap(({ after }) => (after === undefined ? [] : [after]));

/** The resources as they will be. */
function stateAfter(current: Resource[], changes: Change<Resource>[]): Resource[] {
  const changed = new Set(changes.map(({ id }) => id));
  return [...current.filter(({ identifier }) => !changed.has(identifier)), ...definedOf(changes)];
}

/** Checks the listed clients against all resources, listed or not: another file may register those that they use. */
function requireKnown({ clients }: RegistryDescription, resources: Resource[]): void {
  const ownerOf = new Map(Object.keys(administrativeScopes).map((value) => [value, 'administration']));
  for (const { identifier, scopes } of resources) {
    for (const value of Object.keys(scopes)) ownerOf.set(value, identifier);
  }
  const identifiers = new Set(resources.map(({ identifier }) => identifier));
  const known = {
    resourceOf: (value: string) => ownerOf.get(value),
    isResource: (identifier: string) => identifiers.has(identifier),
  };
  const faults = clients
    .values()
    .flatMap((client, index) =>
      faultsOf(client, known).map(({ path, message }) => ({
        path: ['registry', 'clients', index, ...path],
        message: `client ${client.client_id}: ${message}`,
      })),
    )
    // With more than a hundred, the response only says that there are more.
    .take(101)
    .toArray();
  if (faults.length > 0) throw invalid(faults);
}

/** A scope value that is now listed under another resource moves there. Unlisted ones stay, unless `prune` is set. */
function changedResources(registered: Resource[], listed: Resource[], prune: boolean) {
  const current = new Map(registered.map((resource) => [resource.identifier, resource]));
  const listedById = new Map(listed.map((resource) => [resource.identifier, resource]));
  const ownerOf = new Map(listed.flatMap(({ identifier, scopes }) => Object.keys(scopes).map((v) => [v, identifier])));
  const changes: (Change<Resource> & { dropped: string[] })[] = [];
  for (const identifier of new Set([...current.keys(), ...listedById.keys()])) {
    const before = current.get(identifier);
    const wanted = listedById.get(identifier);
    if (!wanted && !prune && !Object.keys(before!.scopes).some((value) => ownerOf.has(value))) continue;
    if (!wanted && prune) {
      const dropped = Object.keys(before?.scopes ?? {}).filter((value) => !ownerOf.has(value));
      changes.push({ id: identifier, change: deletion('resource', identifier), dropped });
      continue;
    }
    const kept = Object.entries(before?.scopes ?? {}).filter(([value]) => {
      const owner = ownerOf.get(value);
      return owner === undefined ? !prune : owner === identifier;
    });
    const scopes = sorted({ ...Object.fromEntries(kept), ...wanted?.scopes });
    const { name, access_token_lifetime, access_token_typ } = wanted ?? before!;
    const description = { name, scopes, access_token_lifetime, access_token_typ };
    const after = { identifier, ...description };
    const fields = differences(before ?? {}, description);
    if (Object.keys(fields).length === 0) continue;
    const dropped = Object.keys(before?.scopes ?? {}).filter((v) => !Object.hasOwn(scopes, v) && !ownerOf.has(v));
    changes.push({ id: identifier, change: alteration('resource', identifier, before, fields), after, dropped });
  }
  return changes;
}

async function changedClients(
  manager: EntityManager,
  administrator: Administrator,
  { clients }: RegistryDescription,
  prune: boolean,
): Promise<RegistryPlan['clients']> {
  const changes: RegistryPlan['clients'] = [];
  const changedScope: string[] = [];
  for (const listed of slicesOf(clients, comparedAtOnce)) {
    const current = await describedClients(
      manager,
      listed.map(({ client_id }) => client_id),
    );
    for (const { disabled: wanted, ...client } of listed) {
      const id = client.client_id;
      const before = current.get(id);
      const disabled = wanted ?? before?.disabled ?? false;
      const { client_id: _, ...named } = { ...client, client_name: client.client_name ?? id };
      const fields = differences(before ?? {}, { ...named, disabled });
      if (Object.keys(fields).length === 0) continue;
      if (disabled && !before?.disabled) requireOther(administrator, id, 'disable');
      const columns = columnsOf(client);
      const scopeBefore = scopeValuesOf(before?.scope ?? '');
      changedScope.push(...columns.scope, ...scopeBefore);
      changes.push({
        id,
        change: alteration('client', id, before, fields),
        after: { clientId: id, ...columns, disabled },
        version: before?.version,
        lost: lostScopes(scopeBefore, columns.scope),
      });
    }
  }
  await requireOwnScopes(manager, administrator, changedScope);
  if (!prune) return changes;
  const unlisted = await manager.query<{ client_id: string; version: string; total: number }[]>(
    `SELECT client_id, xmin::text AS version, count(*) OVER ()::int AS total FROM client
     WHERE client_id <> ALL($1) AND NOT scope && $2 ORDER BY client_id LIMIT $3`,
    [clients.map(({ client_id }) => client_id), Object.keys(administrativeScopes), registryLimits.clients],
  );
  requireFewChanges('clients', changes.length + (unlisted[0]?.total ?? 0));
  for (const { client_id: id, version } of unlisted) changes.push({ id, change: deletion('client', id), version });
  return changes;
}

/** The listed clients without a valid secret, including those that are not registered yet. */
async function withoutSecret(manager: EntityManager, { clients }: RegistryDescription): Promise<string[]> {
  const rows = await manager.query<{ client_id: string }[]>(
    `SELECT listed.client_id FROM unnest($1::text[]) AS listed(client_id) WHERE NOT EXISTS (
       SELECT FROM client_secret s
       WHERE s.client_id = listed.client_id AND (s.expires_at IS NULL OR s.expires_at > now())
     ) ORDER BY 1`,
    [clients.map(({ client_id }) => client_id)],
  );
  return rows.map(({ client_id }) => client_id);
}

const deletion = (kind: RegistryChange['kind'], id: string): RegistryChange => ({
  action: 'delete',
  kind,
  id,
  fields: [],
});

const alteration = (
  kind: RegistryChange['kind'],
  id: string,
  before: object | undefined,
  fields: ReturnType<typeof differences>,
): RegistryChange => ({
  action: before ? 'change' : 'create',
  kind,
  id,
  fields: Object.entries(fields).map(([field, { from, to }]) => ({ field, from: from ?? null, to })),
});

const sorted = (scopes: Record<string, string>) =>
  Object.fromEntries(Object.entries(scopes).toSorted(([a], [b]) => (a < b ? -1 : 1)));
