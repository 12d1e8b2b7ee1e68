export * from './access/index.ts';
export { AccessRules } from './access/access-rules.ts';
export { CurrentAccessToken } from './guard/current-access-token.ts';
export { BearerException, type BearerProblem } from './guard/bearer-exception.ts';
export { KEY_SOURCE, type KeySource } from './keys/key-source.ts';
export { RemoteKeys, type RemoteKeysOptions } from './keys/remote-keys.ts';
export {
  RevocationClient,
  stalenessPolicies,
  type RevocationClientOptions,
  type RevocationOptions,
  type StalenessPolicy,
} from './revocations/revocation-client.ts';
export { REVOCATION_SOURCE, RevocationUnknownError, type RevocationSource } from './revocations/revocation-source.ts';
export { ResourceServerModule } from './resource-server.module.ts';
export { RESOURCE_SERVER_OPTIONS, type ResourceServerOptions } from './options.ts';
export type { AccessToken } from '@lanyard/access-token';
export { accessTokenTypes, type AccessTokenType } from '@lanyard/oauth-protocol';
export { secretFromFile } from '@lanyard/token-client';
