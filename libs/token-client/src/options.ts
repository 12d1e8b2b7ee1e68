import type { SecretSource } from './secret-source.ts';
import type { TokenEvent } from './token-event.ts';
import type { TokenTarget } from './token-target.ts';

export type Fetch = typeof globalThis.fetch;

export interface TokenClientOptions extends TokenTarget {
  /** the authorization server; its metadata (RFC 8414) leads to its token endpoint */
  issuer: string;
  /** where to reach the issuer, if not at its own name: scheme, host and port, and a path if it differs too; default: the issuer */
  issuerAddress?: string;
  clientId: string;
  /** a function is called for each token request */
  clientSecret: SecretSource;
  /** default: client_secret_basic */
  authenticationMethod?: 'client_secret_basic' | 'client_secret_post';
  /** for one request to the authorization server, ms; default 5000 */
  timeout?: number;
  /** lets secrets and tokens travel over plain http to hosts other than this one; default false */
  allowInsecureRequests?: boolean;
  /** called with each token event, for logs and metrics; an event never holds a token or a secret */
  onTokenEvent?: (event: TokenEvent) => void;
}

export interface AccessToken {
  readonly value: string;
  /** the granted scope */
  readonly scope: string;
  /** ms since the epoch */
  readonly expiresAt: number;
}
