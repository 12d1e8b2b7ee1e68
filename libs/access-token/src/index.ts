export * from './access-token-issuer.ts';
export { accessTokenAlgorithms, type AccessTokenAlgorithm } from './algorithms.ts';
export { RememberingValidator, type IssuerKeys, type RememberingValidatorOptions } from './remembering-validator.ts';
export {
  InvalidTokenError,
  KeysUnavailableError,
  validateAccessToken,
  type AccessToken,
  type AccessTokenRequirements,
} from './access-token-validator.ts';
export { usableKeys } from './issuer-key.ts';
export * from './revocation-list.ts';
export * from './revoked-tokens.ts';
export * from './signature.ts';
