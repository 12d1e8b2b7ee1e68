export * from './challenge.ts';
export * from './client-identifier.ts';
export * from './issuer-address.ts';
export * from './metadata.ts';
export * from './oauth-error.ts';
export * from './scope.ts';
export * from './token.ts';
