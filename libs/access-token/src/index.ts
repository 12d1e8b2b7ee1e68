export * from './access-token-issuer.ts';
export { RememberingValidator, type IssuerKeys, type RememberingValidatorOptions } from './remembering-validator.ts';
export {
  accessTokenAlgorithms,
  InvalidTokenError,
  KeysUnavailableError,
  validateAccessToken,
  type AccessToken,
  type AccessTokenAlgorithm,
  type AccessTokenRequirements,
} from './access-token-validator.ts';
export { usableKeys } from './issuer-key.ts';
export * from './revocation-list.ts';
export * from './revoked-tokens.ts';
export * from './signature.ts';
