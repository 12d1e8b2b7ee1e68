export { ForResource, namedResourceOf } from './for-resource.ts';
export { accessRuleOf, accessTokenScheme, Public, RequireScopes, type AccessRule } from './access-rule.ts';
