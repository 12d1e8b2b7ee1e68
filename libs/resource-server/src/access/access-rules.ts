import { Injectable, type Type } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { accessRuleOf, type AccessRule } from './access-rule.ts';
import { namedResourceOf } from './for-resource.ts';

/** Nest's metadata key for the path of a handler; a method that has it is a route. */
const path = 'path';

/** A method that serves a route. */
export interface RouteHandler {
  controller: Type;
  handler: () => unknown;
}

export interface RouteAccess {
  /** `Controller.handler` */
  route: string;
  rule?: AccessRule;
  /** the protected resource that the route names */
  resource?: string;
}

/** The access rules of all routes of the application. */
@Injectable()
export class AccessRules {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  handlers(): RouteHandler[] {
    return this.discovery.getControllers().flatMap(({ metatype }) => {
      if (!metatype) return [];
      const controller = metatype as Type;
      const prototype = controller.prototype as Record<string, () => unknown>;
      return this.scanner
        .getAllMethodNames(prototype)
        .map((name) => prototype[name]!)
        .filter((handler) => Reflect.hasMetadata(path, handler))
        .map((handler) => ({ controller, handler }));
    });
  }

  all(): RouteAccess[] {
    return this.handlers().map(({ controller, handler }) => ({
      route: `${controller.name}.${handler.name}`,
      rule: accessRuleOf(handler, controller),
      resource: namedResourceOf(handler, controller),
    }));
  }

  /**
   * Every scope value that some route requires.
   * @param isIncluded  by the protected resource that a route names; default: all routes
   */
  scopes(isIncluded: (resource: string | undefined) => boolean = () => true): string[] {
    const routes = this.all().filter(({ resource }) => isIncluded(resource));
    return [...new Set(routes.flatMap(({ rule }) => (rule && 'scopes' in rule ? rule.scopes : [])))].toSorted();
  }

  /** Routes that declare nothing, which the guard refuses. */
  undeclared(): string[] {
    return this.all().flatMap(({ route, rule }) => (rule ? [] : [route]));
  }
}
