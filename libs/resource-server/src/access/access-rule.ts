/** Who may call a route: every caller, or callers with a token that has all of these scope values. */
export type AccessRule = { public: true } | { scopes: readonly string[] };

const accessRule = Symbol.for('lanyard:access-rule');

/** The metadata key at which @nestjs/swagger reads the required scopes of a route for OpenAPI documents. */
const apiSecurity = 'swagger/apiSecurity';

/** The name of the security scheme of access tokens in OpenAPI documents. */
export const accessTokenScheme = 'access_token';

/** The route requires a valid access token with all of these scope values; if none are given, any valid token. */
export const RequireScopes = (...scopes: string[]): ClassDecorator & MethodDecorator => declare({ scopes });

/** The route needs no token. Public routes must declare it, since undeclared routes are refused. */
export const Public = (): ClassDecorator & MethodDecorator => declare({ public: true });

/** The rule of a handler, or of its controller if the handler has none. */
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

/** The decorator of a class runs after those of its methods, so their rules are known. */
function handlersWithoutRule({ prototype }: { prototype: object }): object[] {
  return Object.values(Object.getOwnPropertyDescriptors(prototype))
    .map(({ value }): unknown => value)
    .filter((value): value is object => typeof value === 'function' && !Reflect.hasMetadata(accessRule, value));
}
