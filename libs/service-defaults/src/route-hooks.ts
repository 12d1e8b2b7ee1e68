import type { FastifyInstance, RouteOptions } from 'fastify';

type RouteHooks = Pick<RouteOptions, 'onRequest' | 'preParsing' | 'preValidation' | 'onSend' | 'onResponse'>;

/**
 * Adds hooks to some routes, for all that are registered from now on. A hook of the whole application would cost each
 * request of the others.
 */
export function addRouteHooks(
  fastify: FastifyInstance,
  isMeant: (route: RouteOptions) => boolean,
  hooks: RouteHooks,
): void {
  fastify.addHook('onRoute', (route) => {
    if (isMeant(route)) addHooksTo(route, hooks);
  });
}

/** No cache keeps the answer. In a hook, since guards refuse before Nest sets headers. */
export const noStore: RouteHooks = {
  onRequest: (_request, reply, done) => {
    reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
    done();
  },
};

/** Adds hooks to a route that is being registered, besides those that it has. */
export function addHooksTo(route: RouteOptions, hooks: RouteHooks): void {
  for (const [name, hook] of Object.entries(hooks)) {
    const key = name as keyof RouteHooks;
    Object.assign(route, { [key]: [route[key] ?? [], hook].flat() });
  }
}
