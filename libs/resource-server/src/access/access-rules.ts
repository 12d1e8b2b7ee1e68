import { Inject, Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { accessRuleOf, type AccessRule } from './access-rule.ts';

/** Nest's key for a handler's path; what has it is a route. */
const path = 'path';

export interface RouteAccess {
  /** `Controller.handler` */
  route: string;
  rule?: AccessRule;
}

/** The access rules of all routes of the application. */
@Injectable()
export class AccessRules {
  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(MetadataScanner) private readonly scanner: MetadataScanner,
  ) {}

  all(): RouteAccess[] {
    return this.discovery.getControllers().flatMap(({ metatype }) => {
      if (!metatype) return [];
      const prototype = metatype.prototype as Record<string, object>;
      return this.scanner
        .getAllMethodNames(prototype)
        .filter((name) => Reflect.hasMetadata(path, prototype[name]!))
        .map((name) => ({ route: `${metatype.name}.${name}`, rule: accessRuleOf(prototype[name]!, metatype) }));
    });
  }

  /** Every scope value that some route requires. */
  scopes(): string[] {
    return [...new Set(this.all().flatMap(({ rule }) => (rule && 'scopes' in rule ? rule.scopes : [])))].toSorted();
  }

  /** Routes that declare nothing, which the guard refuses. */
  undeclared(): string[] {
    return this.all().flatMap(({ route, rule }) => (rule ? [] : [route]));
  }
}
