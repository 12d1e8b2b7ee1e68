/** Who may call a route: everybody, or callers with a token that has all of these scope values. */
export type AccessRule = { public: true } | { scopes: readonly string[] };

const accessRule = Symbol.for('lanyard:access-rule');

/** @nestjs/swagger reads here what a route requires, so that OpenAPI documents have it too. */
const apiSecurity = 'swagger/apiSecurity';

/** The name of the security scheme of access tokens in OpenAPI documents. */
export const accessTokenScheme = 'access_token';

/** The route needs a valid access token with all of these scope values; with none given, any valid access token. */
export const RequireScopes = (...scopes: string[]): ClassDecorator & MethodDecorator => declare({ scopes });

/** The route needs no token. A route that declares nothing is refused, so public ones say so. */
export const Public = (): ClassDecorator & MethodDecorator => declare({ public: true });

/** The rule of a handler, or of its controller where the handler has none. */
export function accessRuleOf(handler: object, controller: object): AccessRule | undefined {
  return Reflect.getMetadata(accessRule, handler) ?? Reflect.getMetadata(accessRule, controller);
}

function declare(rule: AccessRule): ClassDecorator & MethodDecorator {
  return (target: object, _name?: string | symbol, descriptor?: { value?: unknown }): void => {
    const handler = descriptor?.value as object | undefined;
    Reflect.defineMetadata(accessRule, rule, handler ?? target);
    const covered = handler ? [handler] : handlersWithoutRule(target as { prototype: object });
    if ('scopes' in rule) {
      for (const one of covered) Reflect.defineMetadata(apiSecurity, [{ [accessTokenScheme]: rule.scopes }], one);
    }
  };
}

/** A class is decorated after its methods. */
function handlersWithoutRule({ prototype }: { prototype: object }): object[] {
  return Object.values(Object.getOwnPropertyDescriptors(prototype))
    .map(({ value }): unknown => value)
    .filter((value): value is object => typeof value === 'function' && !Reflect.hasMetadata(accessRule, value));
}
