import type { AccessTokenType } from '@lanyard/oauth-protocol';
import { Column, Entity, JoinColumn, ManyToOne, OneToMany, PrimaryColumn, type Relation } from 'typeorm';

/** A protected resource: its identifier becomes the audience of tokens, RFC 8707 section 2. */
@Entity('protected_resource')
export class ProtectedResource {
  @PrimaryColumn('text')
  identifier!: string;

  @Column('text')
  name!: string;

  /** seconds; null: not limited by the resource */
  @Column('integer', { name: 'access_token_lifetime', nullable: true })
  accessTokenLifetime!: number | null;

  /** The `typ` header of its access tokens. */
  @Column('text', { name: 'access_token_typ', default: 'at+jwt' })
  accessTokenTyp!: AccessTokenType;

  @OneToMany(() => Scope, (scope) => scope.resource)
  scopes!: Relation<Scope>[];
}

/** A scope value. Each belongs to one protected resource, so that a scope decides the audience. */
@Entity('scope')
export class Scope {
  @PrimaryColumn('text')
  value!: string;

  @ManyToOne(() => ProtectedResource, (resource) => resource.scopes)
  @JoinColumn({ name: 'resource' })
  resource!: Relation<ProtectedResource>;

  @Column('text', { name: 'resource' })
  resourceIdentifier!: string;

  @Column('text')
  description!: string;
}
