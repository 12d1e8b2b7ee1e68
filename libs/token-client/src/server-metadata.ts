import { isInTheClear, reachedAt } from '@lanyard/oauth-protocol';
import * as oauth from 'oauth4webapi';
import { refuseUnavailable, tokenRequestErrorOf, wholeAnswer } from './response-error.ts';
import { TokenRequestError } from './token-request-error.ts';

export interface ServerMetadataOptions {
  issuer: string;
  issuerAddress?: string;
  /** of one request, ms */
  timeout: number;
  allowInsecureRequests: boolean;
}

/** Authorization server metadata, RFC 8414: kept once it was had; a failure is not. */
export class ServerMetadata {
  private readonly options: ServerMetadataOptions;
  private readonly issuer: URL;
  private metadata: Promise<oauth.AuthorizationServer> | undefined;

  constructor(options: ServerMetadataOptions) {
    this.options = options;
    this.issuer = new URL(options.issuer);
    const insecurity = this.insecurityOf(options.issuer);
    if (insecurity) throw new Error(insecurity);
  }

  /** Where the issuer is reached. */
  get address(): string {
    return this.options.issuerAddress ?? this.options.issuer;
  }

  /** @throws {TokenRequestError} */
  get(): Promise<oauth.AuthorizationServer> {
    this.metadata ??= this.fetch().catch((error: unknown) => {
      this.forget();
      throw error;
    });
    return this.metadata;
  }

  forget(): void {
    this.metadata = undefined;
  }

  http() {
    return {
      signal: () => AbortSignal.timeout(this.options.timeout),
      [oauth.allowInsecureRequests]: this.issuer.protocol === 'http:',
      [oauth.customFetch]: async (url: string, init: RequestInit) => wholeAnswer(await fetch(this.reached(url), init)),
    };
  }

  private async fetch(): Promise<oauth.AuthorizationServer> {
    try {
      const response = await oauth.discoveryRequest(this.issuer, { algorithm: 'oauth2', ...this.http() });
      await refuseUnavailable(response);
      const metadata = await oauth.processDiscoveryResponse(this.issuer, response);
      const endpoint = metadata.token_endpoint;
      const insecurity = endpoint && URL.canParse(endpoint) && this.insecurityOf(endpoint);
      if (insecurity) throw new TokenRequestError('invalid_response', insecurity);
      return metadata;
    } catch (error) {
      throw await tokenRequestErrorOf(error, `the metadata of ${this.options.issuer}`, this.address);
    }
  }

  private reached(url: string): string {
    return reachedAt(url, this.options.issuer, this.options.issuerAddress);
  }

  /** The secret may travel over TLS, or within this host. */
  private insecurityOf(url: string): string | undefined {
    const address = this.reached(url);
    if (!isInTheClear(address) || this.options.allowInsecureRequests) return undefined;
    return `${address} is not https: secrets and tokens could be read on the way (allowInsecureRequests)`;
  }
}
