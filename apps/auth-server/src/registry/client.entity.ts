import {
  Column,
  CreateDateColumn,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  type Relation,
} from 'typeorm';

/** A registered client; the fields have the names of RFC 7591 section 2. */
@Entity('client')
export class Client {
  @PrimaryColumn('text', { name: 'client_id' })
  clientId!: string;

  @Column('text', { name: 'client_name' })
  clientName!: string;

  @Column('text', { name: 'grant_types', array: true })
  grantTypes!: string[];

  /** The scope values that the client may have. */
  @Column('text', { array: true })
  scope!: string[];

  /** What a request without `scope` gets. Empty: such a request is refused. */
  @Column('text', { name: 'default_scope', array: true })
  defaultScope!: string[];

  /** seconds; null: the server's */
  @Column('integer', { name: 'access_token_lifetime', nullable: true })
  accessTokenLifetime!: number | null;

  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt!: Date | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at' })
  updatedAt!: Date;

  @OneToMany(() => ClientSecret, (secret) => secret.client)
  secrets!: Relation<ClientSecret>[];
}

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
