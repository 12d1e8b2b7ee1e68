import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { administrationOf, administrativeScopes, isReservedResource } from '@lanyard/administration';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import type { AuthServerConfiguration } from '../configuration.ts';
import { Scope } from './protected-resource.entity.ts';
import { RegistryChanges } from './registry-changes.ts';

/** Which scope value belongs to which protected resource; all in memory. The administration API is one of them. */
@Injectable()
export class ProtectedResources implements OnModuleInit {
  private resourceByScope: ReadonlyMap<string, string> = new Map();

  constructor(
    @InjectRepository(Scope) private readonly scopes: Repository<Scope>,
    @Inject(RegistryChanges) private readonly changes: RegistryChanges,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.changes.begin((subject) => (subject === 'resources' ? this.load() : undefined));
    await this.load();
  }

  /** Another object whenever one of them has changed. */
  get all(): object {
    return this.resourceByScope;
  }

  /** @returns the identifier of the resource that has this scope value */
  resourceOf(scopeValue: string): string | undefined {
    return this.resourceByScope.get(scopeValue);
  }

  get scopeValues(): string[] {
    return [...this.resourceByScope.keys()];
  }

  private async load(): Promise<void> {
    const { ISSUER: issuer } = this.configuration;
    const scopes = await this.scopes.find({ order: { value: 'ASC' } });
    const administration = administrationOf(issuer);
    this.resourceByScope = new Map([
      ...scopes
        // A resource of this name from before it was reserved has no effect.
        .filter(({ resourceIdentifier }) => !isReservedResource(resourceIdentifier, issuer))
        .map(({ value, resourceIdentifier }) => [value, resourceIdentifier] as const),
      ...Object.keys(administrativeScopes).map((value) => [value, administration] as const),
    ]);
  }
}
