import { formatScope, parseScope } from '@lanyard/oauth-protocol';
import { bearerFetch } from './bearer-fetch.ts';
import type { AccessToken, Fetch, TokenClientOptions } from './options.ts';
import type { TokenTarget } from './token-target.ts';
import { TokenCache } from './token-cache.ts';
import { TokenEndpoint, type TokenResponse } from './token-endpoint.ts';
import type { TokenEvent } from './token-event.ts';
import { TokenRequestError } from './token-request-error.ts';

/** Where the server does not say, RFC 6749 section 5.1; seconds. */
const assumedLifetime = 60;

/** Obtains access tokens with the client credentials grant, keeps them, and renews them before they expire. */
export class TokenClient {
  private readonly options: TokenClientOptions;
  private readonly endpoint: TokenEndpoint;
  private readonly cache = new TokenCache();

  /** @throws where the issuer is no URL, or plain http to another host */
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
   * A token that is valid now: from memory, where there is one. One that is past three quarters of its life is renewed
   * in the background; while the server is away the old one serves until it expires.
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
   * Forgets a token that a resource server refused. A newer one for the same target stays; and so does this one, if
   * its predecessor was dropped within the last second.
   */
  drop(token: AccessToken): void {
    const target = this.cache.drop(token);
    if (target) this.tell({ type: 'dropped', clientId: this.options.clientId, ...target });
  }

  /** `fetch` that sends an access token for this target along, and gets a new one where it is refused as invalid. */
  fetch(target: TokenTarget = {}): Fetch {
    return bearerFetch({ getToken: () => this.getToken(target), drop: (token) => this.drop(token) });
  }

  /** The order of scope values has no meaning, RFC 6749 section 3.3. */
  private keyOf({ scope = '', resource = '' }: TokenTarget): string {
    const sorted = formatScope([...(parseScope(scope) ?? [scope])].toSorted());
    return JSON.stringify([this.options.issuer, this.options.clientId, sorted, resource]);
  }

  /** One attempt: the next one follows when somebody asks for the token again. */
  private async renew(target: Record<string, string>): Promise<AccessToken> {
    try {
      return this.obtained(target, await this.endpoint.requestOnce(target));
    } catch (error) {
      const code = error instanceof TokenRequestError ? error.code : 'unknown';
      this.tell({ type: 'renewal-failed', clientId: this.options.clientId, ...target, error: code });
      throw error;
    }
  }

  private obtained(target: TokenTarget, response: TokenResponse): AccessToken {
    const { access_token: value, expires_in: expiresIn = assumedLifetime, requestedAt } = response;
    const granted = response.scope ?? target.scope ?? '';
    this.tell({ type: 'obtained', clientId: this.options.clientId, ...target, granted, expiresIn });
    return Object.freeze({ value, scope: granted, expiresAt: requestedAt + expiresIn * 1000 });
  }

  /** A listener that throws must not cost the token. */
  private tell(event: TokenEvent): void {
    try {
      this.options.onTokenEvent?.(event);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
}
