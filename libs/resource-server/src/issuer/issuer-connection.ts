import {
  authorizationServerMetadataUrl,
  isInTheClear,
  reachedAt,
  type AuthorizationServerMetadata,
} from '@lanyard/oauth-protocol';

export interface IssuerConnectionOptions {
  issuer: string;
  /** where the issuer is reached from here, if not under its own name; default: the issuer */
  issuerAddress?: string;
  /** how long an answer may be awaited, and then read, ms; default 5000 */
  timeout?: number;
  /** Lets credentials travel over plain http to another host; default false. */
  allowInsecureRequests?: boolean;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** How much longer than usual an answer may be awaited, and then read; ms. */
export interface Limits {
  waiting?: number;
  reading?: number;
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

  /** RFC 8414 section 3 */
  async metadata(): Promise<AuthorizationServerMetadata> {
    const { issuer } = this.options;
    const { text } = await this.send(authorizationServerMetadataUrl(issuer));
    const metadata = JSON.parse(text) as AuthorizationServerMetadata;
    // RFC 8414 section 3.3
    if (metadata.issuer !== issuer) throw new Error(`the metadata of ${issuer} names another issuer`);
    return metadata;
  }

  /** @throws where credentials would travel to this address in the clear */
  requireConfidential(url: string): void {
    const address = this.reached(url);
    if (!isInTheClear(address) || this.options.allowInsecureRequests) return;
    throw new Error(`${address} is not https: the client secret could be read on the way (allowInsecureRequests)`);
  }

  /** Like `send`, with the credentials of a client. */
  async sendAuthenticated(url: string, authorization: string, init: RequestInit, limits?: Limits): Promise<Answer> {
    this.requireConfidential(url);
    return this.send(url, { ...init, headers: { ...(init.headers as object), authorization } }, limits);
  }

  /** @throws {UnexpectedStatusError} */
  async send(url: string, init: RequestInit = {}, { waiting = 0, reading = 0 }: Limits = {}): Promise<Answer> {
    const { timeout = 5000 } = this.options;
    const address = this.reached(url);
    const late = new AbortController();
    const within = (ms: number) => setTimeout(() => late.abort(new Error(`${address} did not answer in time`)), ms);
    let timer = within(timeout + waiting);
    try {
      const signal = AbortSignal.any([this.stopped.signal, late.signal]);
      const response = await fetch(address, { redirect: 'error', ...init, signal });
      const { status, headers } = response;
      clearTimeout(timer);
      timer = within(timeout + reading);
      const text = await response.text();
      if (response.ok || status === 304) return { status, headers, text };
      throw new UnexpectedStatusError(address, status, Number(headers.get('retry-after')) || 0);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Where a request to one of the issuer's addresses goes. */
  private reached(url: string): string {
    return reachedAt(url, this.options.issuer, this.options.issuerAddress);
  }
}
