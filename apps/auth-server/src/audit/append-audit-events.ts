import { chainStart, hashOf, type AuditEvent, type AuditEventType } from '@lanyard/administration';
import { type EntityManager } from 'typeorm';
import { AuditEventRow, auditEventOf } from './audit-event.entity.ts';

/** Who acted, from where, in which request. */
export interface Origin {
  /** a client_id, or `lanyard:…` for the server itself */
  actor: string | null;
  address?: string;
  requestId?: string;
}

/** What happened. */
export interface AuditRecord {
  type: AuditEventType;
  origin: Origin;
  clientId?: string;
  outcome?: AuditEvent['outcome'];
  /** default 1 */
  count?: number;
  /** never a secret or a token */
  details?: object;
}

/** Any number, for this purpose alone. */
const chainLock = 0x1a9a_4d01;

/**
 * Appends events to the chain, within the transaction of what they tell of. The end of the chain is locked until that
 * commits, so call it last.
 */
export async function appendAuditEvents(manager: EntityManager, records: readonly AuditRecord[]): Promise<void> {
  if (records.length === 0) return;
  await manager.query('SELECT pg_advisory_xact_lock($1)', [chainLock]);
  const [last] = await manager.find(AuditEventRow, { order: { sequence: 'DESC' }, take: 1 });
  const occurredAt = new Date();
  let previous = { sequence: last?.sequence ?? 0, hash: last?.hash ?? chainStart };
  const rows: AuditEventRow[] = [];
  for (const record of records) {
    const row: AuditEventRow = {
      ...fieldsOf(record),
      sequence: previous.sequence + 1,
      occurredAt,
      previousHash: previous.hash,
      hash: '',
    };
    row.hash = hashOf(auditEventOf(row));
    rows.push(row);
    previous = row;
  }
  // As many at a time as a statement may have parameters.
  for (let start = 0; start < rows.length; start += 1000) {
    await manager.insert(AuditEventRow, rows.slice(start, start + 1000) as never);
  }
}

const fieldsOf = ({ type, origin, clientId, outcome = 'succeeded', count = 1, details = {} }: AuditRecord) => ({
  type,
  outcome,
  actor: origin.actor,
  clientId: clientId ?? null,
  address: origin.address ?? null,
  requestId: origin.requestId ?? null,
  count,
  // As it will be read again.
  details: JSON.parse(JSON.stringify(details)) as Record<string, unknown>,
});
