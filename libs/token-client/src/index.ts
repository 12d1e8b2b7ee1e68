export type { AccessToken, Fetch, TokenClientOptions, TokenTarget } from './options.ts';
export { readSecret, secretFromFile, type SecretSource } from './secret-source.ts';
export { TokenClient } from './token-client.ts';
export type { TokenEvent } from './token-event.ts';
export { TokenRequestError } from './token-request-error.ts';
