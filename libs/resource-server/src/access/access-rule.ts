import { SetMetadata, type CustomDecorator } from '@nestjs/common';

/** Who may call a route: everybody, or whoever holds a token with all of these scope values. */
export type AccessRule = { public: true } | { scopes: readonly string[] };

const accessRule = Symbol.for('lanyard:access-rule');

/** The route needs a valid access token with all of these scope values; with none given, any valid access token. */
export const RequireScopes = (...scopes: string[]): CustomDecorator<symbol> =>
  SetMetadata(accessRule, { scopes } satisfies AccessRule);

/** The route needs no token. A route that declares nothing is refused, so public ones say so. */
export const Public = (): CustomDecorator<symbol> => SetMetadata(accessRule, { public: true } satisfies AccessRule);

/** The rule of a handler, or of its controller where the handler has none. */
export function accessRuleOf(handler: object, controller: object): AccessRule | undefined {
  return Reflect.getMetadata(accessRule, handler) ?? Reflect.getMetadata(accessRule, controller);
}
