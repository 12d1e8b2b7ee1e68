export { secretFromFile, type SecretSource } from './secret-source.ts';
export {
  TokenClient,
  type AccessToken,
  type Fetch,
  type TokenClientOptions,
  type TokenTarget,
} from './token-client.ts';
export type { TokenEvent } from './token-event.ts';
export { TokenRequestError } from './token-request-error.ts';
