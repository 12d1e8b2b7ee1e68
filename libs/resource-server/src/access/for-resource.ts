/** Stands for every resource of the service. */
export const anyResource = '*';

const protectedResource = Symbol.for('lanyard:protected-resource');

/**
 * The route belongs to this protected resource, one of `otherResources` in the options: tokens must be for it, and its
 * metadata lists the scopes of the route. Without it, a route belongs to `resource` of the options.
 */
export const ForResource =
  (identifier: string): ClassDecorator & MethodDecorator =>
  (target: object, _name?: string | symbol, descriptor?: { value?: unknown }): void =>
    Reflect.defineMetadata(protectedResource, identifier, (descriptor?.value as object | undefined) ?? target);

/** The protected resource that a handler names, or its controller if the handler names none. */
export function namedResourceOf(handler: object, controller: object): string | undefined {
  return Reflect.getMetadata(protectedResource, handler) ?? Reflect.getMetadata(protectedResource, controller);
}
