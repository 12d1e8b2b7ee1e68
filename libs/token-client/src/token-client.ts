import { formatScope, parseScope } from '@lanyard/oauth-protocol';
import { LRUCache } from 'lru-cache';
import { bearerFetch } from './bearer-fetch.ts';
import type { SecretSource } from './secret-source.ts';
import { TokenEndpoint } from './token-endpoint.ts';
import type { TokenEvent } from './token-event.ts';
import { TokenRequestError } from './token-request-error.ts';

export type Fetch = typeof globalThis.fetch;

/** What a token is for. */
export interface TokenTarget {
  /** scope values, separated by spaces; default: those of the options, else the client's default scope */
  scope?: string;
  /** the protected resource, RFC 8707; default: that of the options */
  resource?: string;
}

export interface TokenClientOptions extends TokenTarget {
  /** the authorization server; its metadata (RFC 8414) leads to its token endpoint */
  issuer: string;
  clientId: string;
  clientSecret: SecretSource;
  /** default: client_secret_basic */
  authenticationMethod?: 'client_secret_basic' | 'client_secret_post';
  /** of one request to the authorization server, ms; default 5000 */
  timeout?: number;
  /** lets secrets and tokens travel over plain http to hosts other than this one */
  allowInsecureRequests?: boolean;
  /** told what happens to the tokens, for logs and metrics; never a token or a secret */
  onTokenEvent?: (event: TokenEvent) => void;
}

export interface AccessToken {
  value: string;
  /** what was granted */
  scope: string;
  /** ms since the epoch */
  expiresAt: number;
}

interface CachedToken extends AccessToken {
  /** ms since the epoch */
  renewAt: number;
  failures: number;
}

/** Obtains access tokens with the client credentials grant, and keeps each until shortly before it expires. */
export class TokenClient {
  private readonly options: TokenClientOptions;
  private readonly endpoint: TokenEndpoint;
  private readonly cache = new LRUCache<string, CachedToken>({ max: 1000 });
  private readonly requests = new Map<string, Promise<CachedToken>>();

  constructor(options: TokenClientOptions) {
    this.options = options;
    this.endpoint = new TokenEndpoint({
      authenticationMethod: 'client_secret_basic',
      timeout: 5000,
      allowInsecureRequests: false,
      ...options,
    });
  }

  /**
   * A token that is valid now: from memory, where there is one. One that is past three quarters of its life is renewed
   * in the background; while the server is away the old one serves until it expires.
   * @throws {TokenRequestError}
   */
  async getToken(target: TokenTarget = {}): Promise<AccessToken> {
    const { scope, resource } = this.targetOf(target);
    const key = JSON.stringify([this.options.issuer, this.options.clientId, resource, sorted(scope)]);
    const cached = this.cache.get(key);
    const now = Date.now();
    if (!cached || now >= cached.expiresAt) return this.obtain(key, { scope, resource });
    if (now >= cached.renewAt) void this.renew(key, { scope, resource }, cached);
    return cached;
  }

  /** Forgets a token that a resource server refused. A newer one for the same target stays. */
  drop(token: AccessToken): void {
    for (const [key, cached] of this.cache.entries()) {
      if (cached.value !== token.value) continue;
      this.cache.delete(key);
      const [, clientId, resource, scope] = JSON.parse(key);
      this.options.onTokenEvent?.({
        type: 'dropped',
        clientId,
        scope: scope ?? undefined,
        resource: resource ?? undefined,
      });
    }
  }

  /** `fetch` that sends an access token for this target along, and gets a new one where it is refused as invalid. */
  fetch(target: TokenTarget = {}): Fetch {
    return bearerFetch({ getToken: () => this.getToken(target), drop: (token) => this.drop(token) });
  }

  private targetOf(target: TokenTarget): TokenTarget {
    return { scope: target.scope ?? this.options.scope, resource: target.resource ?? this.options.resource };
  }

  /** One request at a time for each target, however many wait for it. */
  private obtain(key: string, target: TokenTarget): Promise<CachedToken> {
    let request = this.requests.get(key);
    if (!request) {
      request = this.request(target)
        .then((token) => {
          this.cache.set(key, token);
          return token;
        })
        .finally(() => this.requests.delete(key));
      this.requests.set(key, request);
    }
    return request;
  }

  private async renew(key: string, target: TokenTarget, cached: CachedToken): Promise<void> {
    if (this.requests.has(key)) return;
    try {
      await this.obtain(key, target);
    } catch (error) {
      cached.failures += 1;
      cached.renewAt = Date.now() + Math.min(1000 * 2 ** (cached.failures - 1), 30_000);
      const code = error instanceof TokenRequestError ? error.code : 'unknown';
      this.options.onTokenEvent?.({ type: 'renewal failed', clientId: this.options.clientId, ...target, error: code });
    }
  }

  private async request({ scope, resource }: TokenTarget): Promise<CachedToken> {
    const { clientId, onTokenEvent } = this.options;
    const asked = Date.now();
    const response = await this.endpoint.request({ ...(scope && { scope }), ...(resource && { resource }) });
    const { access_token: value, expires_in: expiresIn = 60, scope: granted = scope ?? '' } = response;
    onTokenEvent?.({ type: 'obtained', clientId, scope, resource, granted, expiresIn });
    return {
      value,
      scope: granted,
      expiresAt: asked + expiresIn * 1000,
      renewAt: asked + expiresIn * 1000 * (0.75 - Math.random() / 10),
      failures: 0,
    };
  }
}

/** The order of scope values has no meaning, RFC 6749 section 3.3. */
const sorted = (scope: string | undefined) => scope && formatScope([...(parseScope(scope) ?? [scope])].toSorted());
