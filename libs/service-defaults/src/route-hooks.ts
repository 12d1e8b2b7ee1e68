import type { FastifyInstance, RouteOptions } from 'fastify';

type RouteHooks = Pick<RouteOptions, 'onRequest' | 'preParsing' | 'preValidation' | 'onSend' | 'onResponse'>;

/**
 * Adds hooks to some of the routes that are registered from now on. A hook of the whole application would cost time on
 * every request of the others.
 */
export function addRouteHooks(
  fastify: FastifyInstance,
  isSelected: (route: RouteOptions) => boolean,
  hooks: RouteHooks,
): void {
  fastify.addHook('onRoute', (route) => {
    if (isSelected(route)) addHooksTo(route, hooks);
  });
}

/** Keeps responses out of caches. Nest would set a header only after the guards, and so not on a refusal. */
export const noStore: RouteHooks = {
  onRequest: (_request, reply, done) => {
    reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
    done();
  },
};

/** Adds hooks to a route that is being registered, in addition to those that it has. */
export function addHooksTo(route: RouteOptions, hooks: RouteHooks): void {
  for (const [name, hook] of Object.entries(hooks)) {
    const key = name as keyof RouteHooks;
    Object.assign(route, { [key]: [route[key] ?? [], hook].flat() });
  }
}
