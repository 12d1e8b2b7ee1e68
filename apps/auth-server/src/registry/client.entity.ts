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

  /** The scope of a request without `scope`. Empty: the request is refused. */
  @Column('text', { name: 'default_scope', array: true })
  defaultScope!: string[];

  /** The protected resources whose resource server the client is. */
  @Column('text', { name: 'resource_server_of', array: true, default: () => `'{}'` })
  resourceServerOf!: string[];

  /** seconds; null: the server's */
  @Column('integer', { name: 'access_token_lifetime', nullable: true })
  accessTokenLifetime!: number | null;

  /** access tokens; null: the server's */
  @Column('integer', { name: 'tokens_per_minute', nullable: true })
  tokensPerMinute!: number | null;

  @Column('timestamptz', { name: 'disabled_at', nullable: true })
  disabledAt!: Date | null;

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;

  @UpdateDateColumn({ type: 'timestamptz', name: 'updated_at' })
  updatedAt!: Date;

  @OneToMany(() => ClientSecret, (secret) => secret.client)
  secrets!: Relation<ClientSecret>[];
}

/** One of a client's secrets: only its digest, and what distinguishes it from the others. */
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

  /** Shared by its tokens, so that they can be revoked together; the database generates it. */
  @Column('text', { name: 'grant_id', default: () => 'gen_random_uuid()' })
  grantId!: string;

  /** The first request that it authenticates consumes it. */
  @Column('boolean', { name: 'one_time' })
  oneTime!: boolean;
}

/** A secret that was removed, and cannot be registered again. */
@Entity('removed_client_secret')
export class RemovedClientSecret {
  @PrimaryColumn('text', { name: 'client_id' })
  clientId!: string;

  @PrimaryColumn('bytea')
  digest!: Buffer;

  @Column('uuid', { name: 'secret_id', nullable: true })
  secretId!: string | null;

  /** Kept because the token of a consumed one-time secret outlives the secret. */
  @Column('text', { name: 'grant_id', nullable: true })
  grantId!: string | null;
}

/** How a secret was used; written in batches. */
@Entity('client_secret_use')
export class ClientSecretUse {
  @PrimaryColumn('uuid', { name: 'secret_id' })
  secretId!: string;

  @Column('timestamptz', { name: 'last_used_at' })
  lastUsedAt!: Date;

  @Column('bigint', { name: 'use_count', transformer: { to: (value: unknown) => value, from: Number } })
  useCount!: number;
}
