import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { administrationOf, administrativeScopes, isReservedIdentifier } from '@lanyard/administration';
import type { AccessTokenType } from '@lanyard/oauth-protocol';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import type { AuthServerConfiguration } from '../configuration.ts';
import { Scope } from './protected-resource.entity.ts';
import { RegistryChanges } from '../replicas/registry-changes.ts';

interface AccessTokenRules {
  /** the maximum, seconds */
  lifetime: number;
  /** the header */
  typ: AccessTokenType;
}

interface Row {
  resource: string;
  values: string[];
  lifetime: number | null;
  typ: AccessTokenType;
}

const byDefault: AccessTokenRules = { lifetime: Number.POSITIVE_INFINITY, typ: 'at+jwt' };

/** Which scope value belongs to which protected resource; all in memory. The administration API is one of them. */
@Injectable()
export class ProtectedResources implements OnModuleInit {
  private resourceByScope: ReadonlyMap<string, string> = new Map();
  /** only of resources that differ from the default */
  private accessTokens: ReadonlyMap<string, AccessTokenRules> = new Map();
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

  /** @returns what access tokens for the resource with this identifier are like */
  accessTokensFor(identifier: string): AccessTokenRules {
    return this.accessTokens.get(identifier) ?? byDefault;
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
    const rows = await this.scopes.query<Row[]>(
      `SELECT resource, json_agg(value ORDER BY value) AS values, access_token_lifetime AS lifetime, access_token_typ AS typ
       FROM scope JOIN protected_resource ON identifier = resource GROUP BY identifier, resource ORDER BY min(value)`,
    );
    // A resource that was registered before its identifier became reserved has no effect.
    const resources = rows.filter(({ resource }) => !isReservedIdentifier(resource, issuer));
    const administration = administrationOf(issuer);
    this.resourceByScope = new Map([
      ...resources.flatMap(({ resource, values }) => values.map((value) => [value, resource] as const)),
      ...Object.keys(administrativeScopes).map((value) => [value, administration] as const),
    ]);
    this.accessTokens = new Map(
      resources
        .filter(({ lifetime, typ }) => lifetime !== null || typ !== byDefault.typ)
        .map(({ resource, lifetime, typ }) => [resource, { lifetime: lifetime ?? byDefault.lifetime, typ }]),
    );
    this.origins = new Set(resources.flatMap(({ resource }) => /^https?:\/\/[^/?]+/.exec(resource) ?? []));
  }
}
