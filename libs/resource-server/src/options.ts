import type { AccessTokenAlgorithm } from '@lanyard/access-token';
import type { AccessTokenType } from '@lanyard/oauth-protocol';
import type { KeySource } from './keys/key-source.ts';
import type { RevocationOptions } from './revocations/revocation-client.ts';
import type { RevocationSource } from './revocations/revocation-source.ts';

export const RESOURCE_SERVER_OPTIONS = Symbol('resource server options');

export interface ResourceServerOptions {
  /** The authorization server whose tokens are accepted: the exact `iss`. Its metadata leads to its keys. */
  issuer: string;
  /** Where to reach the issuer, if not at its own name: scheme, host and port, and a path if it differs too; default: the issuer. */
  issuerAddress?: string;
  /** This service's identifier as a protected resource: must be among a token's `aud`. RFC 8707, RFC 9728. */
  resource: string;
  /** Further identifiers that it has; a route of one of these names it with `@ForResource`. */
  otherResources?: readonly string[];
  /** A name for people, in the metadata. */
  resourceName?: string;
  /**
   * The `typ` headers that are accepted; default: only `at+jwt`. With `JWT`, any other JWT that the issuer signs for
   * this resource counts as an access token, unless it lacks one of the claims of RFC 9068.
   */
  types?: readonly AccessTokenType[];
  /** default: only ES256 */
  algorithms?: readonly AccessTokenAlgorithm[];
  /** How far clocks may differ, seconds; default 5. */
  clockTolerance?: number;
  /**
   * The maximum number of valid tokens to remember, so that the next request with one costs no signature check; its
   * expiry, key and revocation are checked each time. About 2 KB each; default 1000, 0 for none.
   */
  rememberedTokens?: number;
  /**
   * Runs the guard at the start of every request, even without a body: for applications whose own hooks need to know
   * the caller. Default: only for requests with a body, before it is read. Fastify only.
   */
  guardFirst?: boolean;
  /** Where the issuer's keys come from; default: its JWK Set, found through its metadata. */
  keys?: KeySource;
  /** How often the keys are fetched in the background, seconds; default 300. */
  keyRefreshInterval?: number;
  /** The minimum time between two fetches that unknown keys cause, seconds; default 30. Failed fetches count. */
  keyCooldown?: number;
  /**
   * How to learn of revoked tokens: the credentials of this resource server at the authorization server, to follow its
   * list, or another source. Default: not at all; tokens are accepted until they expire.
   */
  revocations?: RevocationOptions | RevocationSource;
}
