import type { AccessTokenAlgorithm } from '@lanyard/access-token';
import type { KeySource } from './keys/key-source.ts';
import type { RevocationOptions } from './revocations/revocation-client.ts';
import type { RevocationSource } from './revocations/revocation-source.ts';

export const RESOURCE_SERVER_OPTIONS = Symbol('resource server options');

export interface ResourceServerOptions {
  /** The authorization server whose tokens are accepted: the exact `iss`. Its metadata leads to its keys. */
  issuer: string;
  /** Where the issuer is reached from here, if not under its own name: scheme, host and port; default: the issuer. */
  issuerAddress?: string;
  /** This service's identifier as a protected resource: must be among a token's `aud`. RFC 8707, RFC 9728. */
  resource: string;
  /** A name for people, in the metadata. */
  resourceName?: string;
  /** default: ES256 alone */
  algorithms?: readonly AccessTokenAlgorithm[];
  /** How far clocks may differ, seconds; default 5. */
  clockTolerance?: number;
  /**
   * How many valid tokens are remembered at most, so that the next request with one costs no signature check; its
   * expiry, its key and its revocation are looked at each time. About 2 KB each; default 1000, 0 for none.
   */
  rememberedTokens?: number;
  /**
   * Decide about every request at its start, also about those without a body: for applications whose own hooks need to know the
   * caller. Default: only about those with a body, before it is read. Fastify only.
   */
  guardFirst?: boolean;
  /** Where the issuer's keys come from; default: its JWK Set, found through its metadata. */
  keys?: KeySource;
  /** How often the keys are fetched anew in the background, seconds; default 300. */
  keyRefreshInterval?: number;
  /** The least time between two fetches that unknown keys cause, seconds; default 30. Failed fetches count. */
  keyCooldown?: number;
  /**
   * How revoked tokens are known: the client that this resource server is at the authorization server, which follows
   * its list. Default: not at all; tokens are accepted until they expire.
   */
  revocations?: RevocationOptions | RevocationSource;
}
