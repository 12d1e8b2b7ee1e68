import { Column, Entity, JoinColumn, ManyToOne, OneToMany, PrimaryColumn, type Relation } from 'typeorm';

/** A protected resource: its identifier becomes the audience of tokens, RFC 8707 section 2. */
@Entity('protected_resource')
export class ProtectedResource {
  @PrimaryColumn('text')
  identifier!: string;

  @Column('text')
  name!: string;

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
