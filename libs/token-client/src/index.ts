export type { AccessToken, Fetch, TokenClientOptions } from './options.ts';
export type { TokenTarget } from './token-target.ts';
export { readSecret, secretFromFile, type SecretSource } from './secret-source.ts';
export { TokenClient } from './token-client.ts';
export type { TokenEvent } from './token-event.ts';
export { TokenRequestError } from './token-request-error.ts';
