import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Scope } from './protected-resource.entity.ts';
import { RegistryChanges } from './registry-changes.ts';

/** Which scope value belongs to which protected resource; all in memory. */
@Injectable()
export class ProtectedResources implements OnModuleInit {
  private resourceByScope: ReadonlyMap<string, string> = new Map();

  constructor(
    @InjectRepository(Scope) private readonly scopes: Repository<Scope>,
    @Inject(RegistryChanges) private readonly changes: RegistryChanges,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.changes.begin((subject) => (subject === 'resources' ? this.load() : undefined));
    await this.load();
  }

  /** @returns the identifier of the resource that has this scope value */
  resourceOf(scopeValue: string): string | undefined {
    return this.resourceByScope.get(scopeValue);
  }

  get scopeValues(): string[] {
    return [...this.resourceByScope.keys()];
  }

  private async load(): Promise<void> {
    const scopes = await this.scopes.find({ order: { value: 'ASC' } });
    this.resourceByScope = new Map(scopes.map(({ value, resourceIdentifier }) => [value, resourceIdentifier]));
  }
}
