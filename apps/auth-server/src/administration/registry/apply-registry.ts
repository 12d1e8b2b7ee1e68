import {
  isAdministrative,
  type RegisteredClient,
  type RegistryChange,
  type RegistryDescription,
  type Resource,
} from '@lanyard/administration';
import { In, type EntityManager } from 'typeorm';
import { appendAuditEvents, type AuditRecord } from '../../audit/append-audit-events.ts';
import { isLive } from '../../client-authentication/client-secret.ts';
import { Client } from '../../registry/client.entity.ts';
import { ProtectedResource, Scope } from '../../registry/protected-resource.entity.ts';
import { revokeGrants } from '../../revocation/revoke.ts';
import { lostScopes, requireOwnScopes, revokeForLostScopes } from '../administrative-scopes.ts';
import { columnsOf, differences, requireOther } from '../clients/clients.ts';
import { registeredClientOf } from '../clients/registered-client.ts';
import type { Administrator } from '../origin.ts';
import { lockResources } from '../resources/resources-lock.ts';
import { readResources, requireUnserved, requireUnused, saveResource } from '../resources/resources.ts';

/**
 * Brings the registry to what is described, in the caller's transaction: creates and changes what is listed, and with
 * `prune` deletes what is not, but never a client that may administer. What is so already is not written.
 * @returns what was changed, and which of the listed clients have no secret that is valid
 */
export async function applyRegistry(
  manager: EntityManager,
  administrator: Administrator,
  registry: RegistryDescription,
  { prune }: { prune: boolean },
): Promise<{ changes: RegistryChange[]; without_secret: string[] }> {
  await lockResources(manager);
  const resources = await changedResources(manager, registry.resources, prune);
  for (const { after } of resources) if (after) await saveResource(manager, after, []);

  const clients = await changedClients(manager, administrator, registry, prune);
  const revoked: AuditRecord[] = [];
  for (const { id, after, change, lost = [] } of clients) {
    if (after) await manager.save(Client, after);
    if (!after || isDisabledBy(change)) await revokeGrants(manager, id);
    revoked.push(...(await revokeForLostScopes(manager, administrator, id, lost)));
    if (!after) await manager.delete(Client, { clientId: id });
  }

  const dropped = resources.flatMap(({ dropped }) => dropped);
  await requireUnused(manager, dropped);
  if (dropped.length > 0) await manager.delete(Scope, { value: In(dropped) });
  const gone = resources.filter(({ after }) => !after).map(({ id }) => id);
  await requireUnserved(manager, gone);
  for (const identifier of gone) await manager.delete(ProtectedResource, { identifier });

  const changes = [...resources, ...clients].map(({ change }) => change);
  await appendAuditEvents(manager, [...changes.map((change) => recordOf(change, administrator)), ...revoked]);
  return { changes, without_secret: await withoutSecret(manager, registry) };
}

const isDisabledBy = ({ fields }: RegistryChange) =>
  fields.some(({ field, to }) => field === 'disabled' && to === true);

interface Change<State> {
  id: string;
  change: RegistryChange;
  /** undefined: it goes */
  after?: State;
  /** the administrative scopes that a client loses */
  lost?: string[];
}

/** A scope value that is listed elsewhere now moves there. Others stay, unless `prune` is asked for. */
async function changedResources(manager: EntityManager, listed: Resource[], prune: boolean) {
  const current = new Map((await readResources(manager)).map((resource) => [resource.identifier, resource]));
  const listedById = new Map(listed.map((resource) => [resource.identifier, resource]));
  const ownerOf = new Map(listed.flatMap(({ identifier, scopes }) => Object.keys(scopes).map((v) => [v, identifier])));
  const changes: (Change<Resource> & { dropped: string[] })[] = [];
  for (const identifier of new Set([...current.keys(), ...listedById.keys()])) {
    const before = current.get(identifier);
    const wanted = listedById.get(identifier);
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
    const after = { identifier, name: wanted?.name ?? before!.name, scopes };
    const fields = differences(before ?? {}, { name: after.name, scopes });
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
): Promise<Change<Client>[]> {
  const listed = clients.map(({ client_id }) => client_id);
  const rows = await manager.find(Client, {
    where: prune ? {} : { clientId: In(listed) },
    lock: { mode: 'pessimistic_write' },
    order: { clientId: 'ASC' },
  });
  const current = new Map(rows.map((row) => [row.clientId, row]));
  const changes: Change<Client>[] = [];
  const touched: string[] = [];
  for (const { disabled: wanted, ...client } of clients) {
    const id = client.client_id;
    const row = current.get(id);
    const before: Partial<RegisteredClient> = row ? registeredClientOf(row) : {};
    const disabled = wanted ?? before.disabled ?? false;
    const { client_id: _, ...named } = { ...client, client_name: client.client_name ?? id };
    const fields = differences(before, { ...named, disabled });
    if (Object.keys(fields).length === 0) continue;
    if (disabled && !before.disabled) requireOther(administrator, id, 'disable');
    const columns = { ...columnsOf(client), disabledAt: disabled ? (row?.disabledAt ?? new Date()) : null };
    touched.push(...columns.scope, ...(row?.scope ?? []));
    const lost = lostScopes(row?.scope ?? [], columns.scope);
    const after = Object.assign(row ?? manager.create(Client, { clientId: id }), columns);
    changes.push({ id, change: alteration('client', id, row, fields), after, lost });
  }
  await requireOwnScopes(manager, administrator, touched);
  const unlisted = prune ? rows.filter(({ clientId }) => !listed.includes(clientId)) : [];
  for (const { clientId: id, scope } of unlisted) {
    if (!scope.some(isAdministrative)) changes.push({ id, change: deletion('client', id) });
  }
  return changes;
}

async function withoutSecret(manager: EntityManager, { clients }: RegistryDescription): Promise<string[]> {
  const rows = await manager.find(Client, {
    where: { clientId: In(clients.map(({ client_id }) => client_id)) },
    relations: { secrets: true },
    order: { clientId: 'ASC' },
  });
  return rows.filter(({ secrets }) => !secrets.some((secret) => isLive(secret))).map(({ clientId }) => clientId);
}

function recordOf({ action, kind, id, fields }: RegistryChange, origin: Administrator): AuditRecord {
  const type = `${kind}.${({ create: 'created', change: 'changed', delete: 'deleted' } as const)[action]}` as const;
  const changed = fields.map(({ field, from, to }) => [field, action === 'create' ? to : { from, to }]);
  const details = Object.fromEntries(changed) as Record<string, unknown>;
  return kind === 'client'
    ? { type, origin, clientId: id, details }
    : { type, origin, details: { identifier: id, ...details } };
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
