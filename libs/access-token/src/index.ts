export * from './access-token-issuer.ts';
export * from './access-token-validator.ts';
export * from './signature.ts';
