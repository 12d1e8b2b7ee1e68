import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { administrationOf, administrativeScopes, isReservedResource } from '@lanyard/administration';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import type { AuthServerConfiguration } from '../configuration.ts';
import { Scope } from './protected-resource.entity.ts';
import { RegistryChanges } from '../replicas/registry-changes.ts';

/** Which scope value belongs to which protected resource; all in memory. The administration API is one of them. */
@Injectable()
export class ProtectedResources implements OnModuleInit {
  private resourceByScope: ReadonlyMap<string, string> = new Map();
  private origins: ReadonlySet<string> = new Set();

  constructor(
    @InjectRepository(Scope) private readonly scopes: Repository<Scope>,
    private readonly changes: RegistryChanges,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.changes.begin((subject) => (subject === 'resources' ? this.load() : undefined));
    await this.load();
  }

  /** A new object after every change of a resource. */
  get all(): object {
    return this.resourceByScope;
  }

  /** @returns the identifier of the resource that has this scope value */
  resourceOf(scopeValue: string): string | undefined {
    return this.resourceByScope.get(scopeValue);
  }

  /** Whether a protected resource is of this origin, such as `https://jobs.example`. */
  hasOrigin(origin: string): boolean {
    return this.origins.has(origin);
  }

  get scopeValues(): string[] {
    return [...this.resourceByScope.keys()];
  }

  private async load(): Promise<void> {
    const { ISSUER: issuer } = this.configuration;
    // A row for each resource, since a hundred thousand entities or rows would take a second.
    const rows = await this.scopes.query<{ resource: string; values: string[] }[]>(
      'SELECT resource, json_agg(value ORDER BY value) AS values FROM scope GROUP BY resource ORDER BY min(value)',
    );
    // A resource that was registered before its identifier became reserved has no effect.
    const resources = rows.filter(({ resource }) => !isReservedResource(resource, issuer));
    const administration = administrationOf(issuer);
    this.resourceByScope = new Map([
      ...resources.flatMap(({ resource, values }) => values.map((value) => [value, resource] as const)),
      ...Object.keys(administrativeScopes).map((value) => [value, administration] as const),
    ]);
    this.origins = new Set(resources.flatMap(({ resource }) => /^https?:\/\/[^/?]+/.exec(resource) ?? []));
  }
}
