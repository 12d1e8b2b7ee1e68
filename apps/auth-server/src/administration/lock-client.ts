import { notFound } from '@lanyard/service-defaults';
import type { EntityManager } from 'typeorm';
import { Client } from '../registry/client.entity.ts';
import { requireOwnScopes } from './administrative-scopes.ts';
import type { Administrator } from './current-administrator.ts';

/** A client for an administrator to change; its row is locked until the transaction ends. */
export async function lockClient(
  manager: EntityManager,
  administrator: Administrator,
  clientId: string,
): Promise<Client> {
  const client = await manager.findOne(Client, { where: { clientId }, lock: { mode: 'pessimistic_write' } });
  if (!client) throw notFound('client');
  await requireOwnScopes(manager, administrator, client.scope);
  return client;
}
