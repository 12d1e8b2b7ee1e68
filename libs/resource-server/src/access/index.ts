export { accessRuleOf, accessTokenScheme, Public, RequireScopes, type AccessRule } from './access-rule.ts';
