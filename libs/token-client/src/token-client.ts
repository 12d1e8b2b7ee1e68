import { formatScope, parseScope } from '@lanyard/oauth-protocol';
import { bearerFetch } from './bearer-fetch.ts';
import type { AccessToken, Fetch, TokenClientOptions } from './options.ts';
import type { TokenTarget } from './token-target.ts';
import { TokenCache } from './token-cache.ts';
import { TokenEndpoint, type TokenResponse } from './token-endpoint.ts';
import type { TokenEvent } from './token-event.ts';
import { TokenRequestError } from './token-request-error.ts';

/** The lifetime of a token if the server names none, RFC 6749 section 5.1; seconds. */
const assumedLifetime = 60;

/** Obtains access tokens with the client credentials grant, keeps them, and renews them before they expire. */
export class TokenClient {
  private readonly options: TokenClientOptions;
  private readonly endpoint: TokenEndpoint;
  private readonly cache = new TokenCache();

  /** @throws if the issuer is no URL, or plain http to another host */
  constructor(options: TokenClientOptions) {
    this.options = options;
    this.endpoint = new TokenEndpoint({
      ...options,
      authenticationMethod: options.authenticationMethod ?? 'client_secret_basic',
      timeout: options.timeout ?? 5000,
      allowInsecureRequests: options.allowInsecureRequests ?? false,
    });
  }

  /**
   * A valid token, from memory if there is one. After about three quarters of its lifetime it is renewed in the
   * background; while the server is down, the old one is used until it expires.
   * @throws {TokenRequestError}
   */
  getToken(target: TokenTarget = {}): Promise<AccessToken> {
    const scope = target.scope ?? this.options.scope;
    const resource = target.resource ?? this.options.resource;
    const wanted = { ...(scope && { scope }), ...(resource && { resource }) };
    return this.cache.get(this.keyOf(wanted), {
      target: wanted,
      request: async () => this.obtained(wanted, await this.endpoint.request(wanted)),
      renew: () => this.renew(wanted),
    });
  }

  /**
   * Drops a token that a resource server refused. A newer one for the same target stays; so does this one, if its
   * predecessor was dropped within the last second.
   */
  drop(token: AccessToken): void {
    const target = this.cache.drop(token);
    if (target) this.emit({ type: 'dropped', clientId: this.options.clientId, ...target });
  }

  /** A `fetch` that sends an access token for this target, and gets a new one if it is refused as invalid. */
  fetch(target: TokenTarget = {}): Fetch {
    return bearerFetch({ getToken: () => this.getToken(target), drop: (token) => this.drop(token) });
  }

  /** The order of scope values has no meaning, RFC 6749 section 3.3. */
  private keyOf({ scope = '', resource = '' }: TokenTarget): string {
    const sorted = formatScope([...(parseScope(scope) ?? [scope])].toSorted());
    return JSON.stringify([this.options.issuer, this.options.clientId, sorted, resource]);
  }

  /** One attempt: the next one follows when a caller needs the token again. */
  private async renew(target: Record<string, string>): Promise<AccessToken> {
    try {
      return this.obtained(target, await this.endpoint.requestOnce(target));
    } catch (error) {
      const code = error instanceof TokenRequestError ? error.code : 'unknown';
      this.emit({ type: 'renewal-failed', clientId: this.options.clientId, ...target, error: code });
      throw error;
    }
  }

  private obtained(target: TokenTarget, response: TokenResponse): AccessToken {
    const { access_token: value, expires_in: expiresIn = assumedLifetime, requestedAt } = response;
    const granted = response.scope ?? target.scope ?? '';
    this.emit({ type: 'obtained', clientId: this.options.clientId, ...target, granted, expiresIn });
    return Object.freeze({ value, scope: granted, expiresAt: requestedAt + expiresIn * 1000 });
  }

  /** An error in the listener must not keep the caller from its token. */
  private emit(event: TokenEvent): void {
    try {
      this.options.onTokenEvent?.(event);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
}
