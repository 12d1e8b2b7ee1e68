import { authorizationServerMetadataUrl, reachedAt, type AuthorizationServerMetadata } from '@lanyard/oauth-protocol';

export interface IssuerConnectionOptions {
  issuer: string;
  /** where the issuer is reached from here, if not under its own name; default: the issuer */
  issuerAddress?: string;
  /** how long one request may take, ms; default 5000 */
  timeout?: number;
}

/** An answer that is neither a success nor 304. */
export class UnexpectedStatusError extends Error {
  override readonly name = 'UnexpectedStatusError';

  constructor(
    address: string,
    readonly status: number,
    /** seconds that the server asked to wait */
    readonly retryAfter = 0,
  ) {
    super(`${address} answered ${status}`);
  }
}

/** How the authorization server is asked, wherever it is reached. */
export class IssuerConnection {
  private readonly stopped = new AbortController();

  constructor(private readonly options: IssuerConnectionOptions) {}

  /** Ends what is under way. */
  stop(): void {
    this.stopped.abort();
  }

  get isStopped(): boolean {
    return this.stopped.signal.aborted;
  }

  get untilStopped(): AbortSignal {
    return this.stopped.signal;
  }

  /** Where a request to one of the issuer's addresses goes. */
  reached(url: string): string {
    return reachedAt(url, this.options.issuer, this.options.issuerAddress);
  }

  /** RFC 8414 section 3 */
  async metadata(): Promise<AuthorizationServerMetadata> {
    const { issuer } = this.options;
    const response = await this.send(authorizationServerMetadataUrl(issuer));
    const metadata = (await response.json()) as AuthorizationServerMetadata;
    // RFC 8414 section 3.3
    if (metadata.issuer !== issuer) throw new Error(`the metadata of ${issuer} names another issuer`);
    return metadata;
  }

  /**
   * @param waiting  how much longer than usual the answer may take, ms
   * @throws {UnexpectedStatusError}
   */
  async send(url: string, init: RequestInit = {}, waiting = 0): Promise<Response> {
    const address = this.reached(url);
    const signal = AbortSignal.any([
      this.stopped.signal,
      AbortSignal.timeout((this.options.timeout ?? 5000) + waiting),
    ]);
    const response = await fetch(address, { redirect: 'error', ...init, signal });
    if (response.ok || response.status === 304) return response;
    await response.body?.cancel();
    throw new UnexpectedStatusError(address, response.status, Number(response.headers.get('retry-after')) || 0);
  }
}
