import type { JobStatus } from '@lanyard/jobs-contract';
import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

@Entity('job')
export class Job {
  /** UUID version 7: sorts by creation time. */
  @PrimaryColumn('uuid')
  id!: string;

  @Column('text')
  type!: string;

  @Column('jsonb')
  payload!: object;

  @Column('text')
  status!: JobStatus;

  @Column('integer')
  attempts!: number;

  @Column('integer', { name: 'max_attempts' })
  maxAttempts!: number;

  @Column('timestamptz', { name: 'available_at' })
  availableAt!: Date;

  @Column('text', { name: 'leased_by', nullable: true })
  leasedBy!: string | null;

  /** Grows with each claim, to distinguish a late worker's lease from a newer one. */
  @Column('bigint', { name: 'lease_token' })
  leaseToken!: string;

  @Column('timestamptz', { name: 'lease_expires_at', nullable: true })
  leaseExpiresAt!: Date | null;

  @Column('jsonb', { nullable: true })
  result!: object | null;

  /** Why the last attempt failed. */
  @Column('text', { nullable: true })
  failure!: string | null;

  @Column('text', { name: 'request_id' })
  requestId!: string;

  @Column('text', { name: 'created_by' })
  createdBy!: string;

  @Column('text', { name: 'idempotency_key', nullable: true })
  idempotencyKey!: string | null;

  /** SHA-256 of the request, to distinguish a repetition from another request with the same key. */
  @Column('bytea', { name: 'request_digest' })
  requestDigest!: Buffer;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'started_at', nullable: true })
  startedAt!: Date | null;

  @Column('timestamptz', { name: 'finished_at', nullable: true })
  finishedAt!: Date | null;
}
