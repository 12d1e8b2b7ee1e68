import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** The answer to a request with an Idempotency-Key; encrypted, since it may hold a secret. Kept for an hour. */
@Entity('idempotent_answer')
export class IdempotentAnswer {
  @PrimaryColumn('text')
  actor!: string;

  @PrimaryColumn('text', { name: 'idempotency_key' })
  idempotencyKey!: string;

  @Column('bytea', { name: 'request_digest' })
  requestDigest!: Buffer;

  /** Null only within the transaction that inserts the row. */
  @Column('bytea', { name: 'encrypted_answer', nullable: true })
  encryptedAnswer!: Buffer | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
