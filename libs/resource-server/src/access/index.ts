export { accessRuleOf, Public, RequireScopes, type AccessRule } from './access-rule.ts';
