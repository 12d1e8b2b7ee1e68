import type { AuditEvent, AuditEventType } from '@lanyard/administration';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One event of the audit log; see `auditEventSchema` for what the fields mean. */
@Entity('audit_event')
export class AuditEventRow {
  @PrimaryColumn('bigint', { transformer: { to: (value: unknown) => value, from: Number } })
  sequence!: number;

  @Column('timestamptz', { name: 'occurred_at' })
  occurredAt!: Date;

  @Column('text')
  type!: AuditEventType;

  @Column('text')
  outcome!: AuditEvent['outcome'];

  @Column('text', { nullable: true })
  actor!: string | null;

  @Column('text', { name: 'client_id', nullable: true })
  clientId!: string | null;

  @Column('text', { nullable: true })
  address!: string | null;

  @Column('text', { name: 'request_id', nullable: true })
  requestId!: string | null;

  @Column('integer')
  count!: number;

  @Column('jsonb')
  details!: Record<string, unknown>;

  @Column('text', { name: 'previous_hash' })
  previousHash!: string;

  @Column('text')
  hash!: string;
}

export function auditEventOf(row: AuditEventRow): AuditEvent {
  return {
    sequence: row.sequence,
    occurred_at: row.occurredAt.toISOString(),
    type: row.type,
    outcome: row.outcome,
    actor: row.actor,
    client_id: row.clientId,
    address: row.address,
    request_id: row.requestId,
    count: row.count,
    details: row.details,
    previous_hash: row.previousHash,
    hash: row.hash,
  };
}
