import { chainStart, hashOf, type AuditEvent, type AuditEventType } from '@lanyard/administration';
import { type EntityManager } from 'typeorm';
import { advisoryLocks } from '../advisory-locks.ts';
import { AuditEventRow, auditEventOf } from './audit-event.entity.ts';

/** Who acted, from where, in which request. */
export interface Origin {
  /** a client_id, or `lanyard:…` for the server itself */
  actor: string | null;
  address?: string;
  requestId?: string;
}

/** The origin of acts of the server itself. */
export const serverOrigin = (part: 'auth-server' | 'migration'): Origin & { actor: string } => ({
  actor: `lanyard:${part}`,
});

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

/** How many events are hashed and written in one statement. */
const batchSize = 500;

/**
 * Appends events to the chain, within the transaction of the acts that they record. The end of the chain is locked
 * until that commits, so call it last.
 */
export async function appendAuditEvents(manager: EntityManager, records: readonly AuditRecord[]): Promise<void> {
  if (records.length === 0) return;
  const events = records.map(fieldsOf);
  await manager.query('SELECT pg_advisory_xact_lock($1)', [advisoryLocks.auditChain]);
  const [last] = await manager.find(AuditEventRow, { order: { sequence: 'DESC' }, take: 1 });
  const occurredAt = new Date();
  let previous = { sequence: last?.sequence ?? 0, hash: last?.hash ?? chainStart };
  // In batches, since each event is hashed, and requests wait meanwhile.
  for (let start = 0; start < events.length; start += batchSize) {
    const rows: AuditEvent[] = [];
    for (const fields of events.slice(start, start + batchSize)) {
      const sequence = previous.sequence + 1;
      const row = auditEventOf({ ...fields, sequence, occurredAt, previousHash: previous.hash, hash: '' });
      row.hash = hashOf(row);
      rows.push(row);
      previous = row;
    }
    await manager.query(
      `INSERT INTO audit_event SELECT * FROM jsonb_populate_recordset(NULL::audit_event, $1::jsonb)`,
      [JSON.stringify(rows)],
    );
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
  // In the form in which it will be read.
  details: JSON.parse(JSON.stringify(details)) as Record<string, unknown>,
});
