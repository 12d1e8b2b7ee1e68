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
  /** how long an answer may be awaited, ms; default 5000 */
  timeout?: number;
  /** Lets credentials travel over plain http to another host; default false. */
  allowInsecureRequests?: boolean;
}

/** How long the body of an answer may take, ms: a long list on a slow line. */
const bodyTimeout = 60_000;

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
    const response = await this.send(authorizationServerMetadataUrl(issuer));
    const metadata = (await response.json()) as AuthorizationServerMetadata;
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
  sendAuthenticated(url: string, authorization: string, init: RequestInit, waiting = 0): Promise<Response> {
    this.requireConfidential(url);
    return this.send(url, { ...init, headers: { ...(init.headers as object), authorization } }, waiting);
  }

  /**
   * @param waiting  how much longer than usual the answer may be awaited, ms
   * @throws {UnexpectedStatusError}
   */
  async send(url: string, init: RequestInit = {}, waiting = 0): Promise<Response> {
    const address = this.reached(url);
    const expired = new AbortController();
    const expire = () => expired.abort(new Error(`${address} did not answer in time`));
    const awaited = setTimeout(expire, (this.options.timeout ?? 5000) + waiting);
    const signal = AbortSignal.any([this.stopped.signal, expired.signal]);
    const response = await fetch(address, { redirect: 'error', ...init, signal }).finally(() => clearTimeout(awaited));
    setTimeout(expire, bodyTimeout).unref();
    if (response.ok || response.status === 304) return response;
    await response.body?.cancel();
    throw new UnexpectedStatusError(address, response.status, Number(response.headers.get('retry-after')) || 0);
  }

  /** Where a request to one of the issuer's addresses goes. */
  private reached(url: string): string {
    return reachedAt(url, this.options.issuer, this.options.issuerAddress);
  }
}
