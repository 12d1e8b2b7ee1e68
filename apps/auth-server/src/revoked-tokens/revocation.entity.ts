import type { RevocationKind } from '@lanyard/oauth-protocol';
import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A revocation. Its row is kept until the last token that it concerns would have expired. */
@Entity('revocation')
export class RevocationRow {
  /** Grows in the order in which revocations become visible; microseconds since the epoch, or the next free number. */
  @PrimaryColumn('bigint', { transformer: { to: (value: unknown) => value, from: Number } })
  sequence!: number;

  @Column('text')
  kind!: RevocationKind;

  @Column('text')
  id!: string;

  /** The client whose tokens it concerns; null: any client. */
  @Column('text', { name: 'client_id', nullable: true })
  clientId!: string | null;

  @Column('timestamptz', { name: 'revoked_at', default: () => 'now()' })
  revokedAt!: Date;

  @Column('timestamptz', { name: 'ends_at' })
  endsAt!: Date;
}
