import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { accessRuleOf, Public, RequireScopes } from '../access/access-rule.ts';
import { anyResource, ForResource } from '../access/for-resource.ts';
import { AccessRules, type RouteHandler } from '../access/access-rules.ts';
import { RESOURCE_SERVER_OPTIONS, type ResourceServerOptions } from '../options.ts';
import { AccessTokenGuard } from './access-token.guard.ts';

/** The metadata key of `@RouteConfig`: Nest passes its value to the Fastify route, where hooks can read it. */
const routeConfig = '__fastify_route_config__';
const routeHandler = Symbol.for('lanyard:route-handler');

type Hook = (request: { raw: IncomingMessage }, reply: object, done: () => void) => Promise<void> | void;

interface RouteConfig {
  [routeHandler]?: RouteHandler;
}

/** The part of Fastify that is used here, so that this library does not depend on Fastify. */
interface Fastify {
  addHook(name: 'onRoute', hook: (route: { config?: RouteConfig; onRequest?: Hook | Hook[] }) => void): void;
}

/**
 * Runs the guard before the body is read, so that a refused request costs neither memory nor parsing. The guard runs
 * again before the handler, and then sees the body. Only on Fastify: Express reads bodies before it routes.
 */
@Injectable()
export class GuardBeforeBody {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly rules: AccessRules,
    private readonly guard: AccessTokenGuard,
    @Inject(RESOURCE_SERVER_OPTIONS) private readonly options: ResourceServerOptions,
  ) {}

  /** Call it before Nest registers the routes. */
  install(): void {
    if (this.host.httpAdapter.getType() !== 'fastify') return;
    for (const route of this.rules.handlers()) {
      const config = Reflect.getMetadata(routeConfig, route.handler) as RouteConfig | undefined;
      const earlier = config?.[routeHandler];
      const served = earlier && earlier.controller !== route.controller ? inheritedHandler(earlier, route) : route;
      Reflect.defineMetadata(routeConfig, { ...config, [routeHandler]: served }, route.handler);
    }
    const fastify: Fastify = this.host.httpAdapter.getInstance();
    fastify.addHook('onRoute', (route) => {
      const served = route.config?.[routeHandler];
      if (!served || isPublic(served)) return;
      route.onRequest = [route.onRequest ?? [], this.hookOf(served)].flat();
    });
  }

  private hookOf({ controller, handler }: RouteHandler): Hook {
    const decide = async (request: object, reply: object): Promise<void> => {
      await this.guard.canActivate(new ExecutionContextHost([request, reply], controller, handler));
    };
    return (request, reply, done) => {
      if (this.options.guardFirst || hasBody(request.raw)) return decide(request, reply);
      // No promise: it would cost time on every request.
      return done();
    };
  }
}

@RequireScopes()
@ForResource(anyResource)
class AnyToken {}

@Public()
class Open {}

/**
 * For a handler that several controllers inherit, each perhaps with its own rule: before the body, any valid token is
 * enough, and none is needed if one of them is public. Resource and scopes are checked when the guard runs again.
 */
function inheritedHandler(...routes: RouteHandler[]): RouteHandler {
  return { controller: routes.some(isPublic) ? Open : AnyToken, handler: () => undefined };
}

function isPublic({ controller, handler }: RouteHandler): boolean {
  const rule = accessRuleOf(handler, controller);
  return rule !== undefined && 'public' in rule;
}

/** RFC 9112 section 6.3 */
const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
