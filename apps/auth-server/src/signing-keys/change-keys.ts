import { In, type EntityManager } from 'typeorm';
import { advisoryLocks } from '../advisory-locks.ts';
import { appendAuditEvents, type AuditRecord, type Origin } from '../audit/append-audit-events.ts';
import { createSigningKey } from './create-signing-key.ts';
import { SigningKeyRow } from './signing-key.entity.ts';

/**
 * Changes the signing keys in a transaction: one replica at a time, and by the database's clock, which all share.
 * @param work  returns what it did; `now` is in ms since the epoch
 */
export async function changeKeys(
  manager: EntityManager,
  work: (rows: SigningKeyRow[], now: number) => Promise<AuditRecord[]>,
): Promise<AuditRecord[]> {
  await manager.query('SELECT pg_advisory_xact_lock($1)', [advisoryLocks.signingKeys]);
  const [{ now }] = await manager.query<[{ now: Date }]>('SELECT clock_timestamp() AS now');
  const records = await work(await manager.find(SigningKeyRow), now.getTime());
  await appendAuditEvents(manager, records);
  return records;
}

/** Creates a key, which is published before it signs. */
export async function announceKey(
  manager: EntityManager,
  keyEncryptionKey: string,
  origin: Origin,
): Promise<AuditRecord> {
  const key = await createSigningKey(keyEncryptionKey);
  await manager.insert(SigningKeyRow, key);
  return keyRecord('signing_key.announced', key.kid, origin);
}

/** Creates a key that signs at once. */
export async function activateNewKey(
  manager: EntityManager,
  keyEncryptionKey: string,
  origin: Origin,
): Promise<AuditRecord> {
  const key = await createSigningKey(keyEncryptionKey);
  await manager.insert(SigningKeyRow, { ...key, activatedAt: () => 'now()' });
  return keyRecord('signing_key.activated', key.kid, origin);
}

export async function deleteKeys(manager: EntityManager, kids: readonly string[]): Promise<void> {
  await manager.delete(SigningKeyRow, { kid: In(kids) });
}

export const keyRecord = (type: AuditRecord['type'], kid: string, origin: Origin): AuditRecord => ({
  type,
  origin,
  details: { kid },
});
