import type { RegistryChange, RegistryDescription } from '@lanyard/administration';
import { Any, type EntityManager } from 'typeorm';
import type { AuditRecord } from '../../audit/append-audit-events.ts';
import { Client } from '../../registry/client.entity.ts';
import { ProtectedResource, Scope } from '../../registry/protected-resource.entity.ts';
import { revokeGrants } from '../../revoked-tokens/revoke.ts';
import { lostScopeRecords } from '../administrative-scopes.ts';
import type { Administrator } from '../current-administrator.ts';
import { lockResources } from '../resources-lock.ts';
import { requireUnserved, requireUnused, saveResources, versionOfResources } from '../resources/resources.ts';
import { definedOf, planRegistry, type RegistryPlan } from './plan-registry.ts';
import { lockClients, saveClients, versionsOf } from './planned-clients.ts';

/**
 * Makes the registry match its description, in the caller's transaction. Unchanged rows are neither written nor locked,
 * and locks are taken last, since emergencies wait for them.
 * @returns the plan and its audit records, for the caller to append
 */
export async function applyRegistry(
  manager: EntityManager,
  administrator: Administrator,
  registry: RegistryDescription,
  options: { prune: boolean },
): Promise<RegistryPlan & { records: AuditRecord[] }> {
  let plan = await planRegistry(manager, administrator, registry, options);
  if (plan.changes.length === 0) return { ...plan, records: [] };
  await lockResources(manager);
  while (!(await lockPlanned(manager, plan))) plan = await planRegistry(manager, administrator, registry, options);
  return { ...plan, records: await writeRegistry(manager, administrator, plan) };
}

/**
 * Locks the clients to change. The caller has locked the resources.
 * @returns whether everything is still as it was when the plan was made
 */
async function lockPlanned(
  manager: EntityManager,
  { version, clients, dropped, deletedResources }: RegistryPlan,
): Promise<boolean> {
  const clientIds = clients.map(({ id }) => id);
  await lockClients(manager, clientIds);
  const versions = await versionsOf(manager, clientIds);
  if (clients.some((client) => versions.get(client.id) !== client.version)) return false;
  if ((await versionOfResources(manager)) !== version) return false;
  await requireUnused(manager, dropped, clientIds);
  await requireUnserved(manager, deletedResources, clientIds);
  return true;
}

async function writeRegistry(
  manager: EntityManager,
  administrator: Administrator,
  { resources, dropped, deletedResources, clients, changes }: RegistryPlan,
): Promise<AuditRecord[]> {
  await saveResources(manager, definedOf(resources));
  await saveClients(manager, definedOf(clients));
  if (dropped.length > 0) await manager.delete(Scope, { value: Any(dropped) });
  if (deletedResources.length > 0) await manager.delete(ProtectedResource, { identifier: Any(deletedResources) });

  const deleted = clients.filter(({ after }) => !after).map(({ id }) => id);
  const revoked = clients.filter(({ change, lost = [] }) => isDisabledBy(change) || lost.length > 0);
  // Late and only once: from here on, every other revocation waits.
  await revokeGrants(manager, [...revoked.map(({ id }) => id), ...deleted]);
  if (deleted.length > 0) await manager.delete(Client, { clientId: Any(deleted) });
  return [
    ...changes.map((change) => recordOf(change, administrator)),
    ...clients.flatMap(({ id, lost = [] }) => lostScopeRecords(administrator, id, lost)),
  ];
}

const isDisabledBy = ({ fields }: RegistryChange) =>
  fields.some(({ field, to }) => field === 'disabled' && to === true);

function recordOf({ action, kind, id, fields }: RegistryChange, origin: Administrator): AuditRecord {
  const type = `${kind}.${({ create: 'created', change: 'changed', delete: 'deleted' } as const)[action]}` as const;
  const changed = fields.map(({ field, from, to }) => [field, action === 'create' ? to : { from, to }]);
  const details = Object.fromEntries(changed) as Record<string, unknown>;
  return kind === 'client'
    ? { type, origin, clientId: id, details }
    : { type, origin, details: { identifier: id, ...details } };
}
