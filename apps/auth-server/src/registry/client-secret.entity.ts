import {
  Column,
  CreateDateColumn,
  Entity,
  JoinColumn,
  ManyToOne,
  PrimaryGeneratedColumn,
  type Relation,
} from 'typeorm';
import { Client } from './client.entity.ts';

/** One of a client's secrets: the digest alone, and what helps to tell it from the others. */
@Entity('client_secret')
export class ClientSecret {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @ManyToOne(() => Client, (client) => client.secrets)
  @JoinColumn({ name: 'client_id' })
  client!: Relation<Client>;

  @Column('text', { name: 'client_id' })
  clientId!: string;

  /** SHA-256 */
  @Column('bytea')
  digest!: Buffer;

  /** The last four characters. */
  @Column('text')
  hint!: string;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt!: Date | null;
}
