import * as oauth from 'oauth4webapi';
import { tokenRequestErrorOf, refuseUnavailable } from './response-error.ts';
import { TokenRequestError } from './token-request-error.ts';

export interface ServerMetadataOptions {
  issuer: string;
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
    if (!this.isConfidential(this.issuer)) throw new Error(insecure(options.issuer));
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
    };
  }

  private async fetch(): Promise<oauth.AuthorizationServer> {
    try {
      const response = await oauth.discoveryRequest(this.issuer, { algorithm: 'oauth2', ...this.http() });
      await refuseUnavailable(response);
      const metadata = await oauth.processDiscoveryResponse(this.issuer, response);
      const endpoint = metadata.token_endpoint;
      if (endpoint && URL.canParse(endpoint) && !this.isConfidential(new URL(endpoint))) {
        throw new TokenRequestError('invalid_response', insecure(endpoint));
      }
      return metadata;
    } catch (error) {
      throw tokenRequestErrorOf(error, `the metadata of ${this.options.issuer}`);
    }
  }

  /** The secret may travel over TLS, or within this host. */
  private isConfidential({ protocol, hostname }: URL): boolean {
    return protocol === 'https:' || loopback.test(hostname) || this.options.allowInsecureRequests;
  }
}

const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/;

const insecure = (address: string) =>
  `${address} is not https: secrets and tokens could be read on the way (allowInsecureRequests)`;
