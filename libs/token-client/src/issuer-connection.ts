import { setTimeout as sleep } from 'node:timers/promises';
import { isPlaintext, resolveIssuerUrl } from '@lanyard/oauth-protocol';
import * as oauth from 'oauth4webapi';
import { retryAfterOf } from './retry-after.ts';

export { clientSecretBasic } from './client-secret-basic.ts';

export interface IssuerConnectionOptions {
  issuer: string;
  /** where to reach the issuer, if not at its own name; default: the issuer */
  issuerAddress?: string;
  /** how long one request may take, including its body, ms; default 5000; with `Limits`, it begins again with the body */
  timeout?: number;
  /** Lets credentials travel over plain http to another host; default false. */
  allowInsecureRequests?: boolean;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** Additional time to wait for an answer, and then to read it; ms. */
export interface Limits {
  waiting?: number;
  reading?: number;
}

/** An answer with another status than expected. */
export class UnexpectedStatusError extends Error {
  override readonly name = 'UnexpectedStatusError';
  readonly status: number;
  /** seconds that the server asked to wait */
  readonly retryAfter: number;

  constructor(address: string, { status, headers }: Response) {
    super(`${address} answered ${status}`);
    this.status = status;
    this.retryAfter = retryAfterOf(headers) ?? 0;
  }

  /** Whether the client must only ask less often, RFC 6585 section 4. */
  get isThrottled(): boolean {
    return this.status === 429;
  }

  /** Whether the same request may succeed a moment later. */
  get mayPass(): boolean {
    return mayPass(this.status);
  }
}

/** The connection ended in the middle of an answer. */
export class IncompleteAnswerError extends Error {
  override readonly name = 'IncompleteAnswerError';
}

/** Sends requests to the authorization server: resolves addresses, limits the time, refuses plain http for secrets. */
export class IssuerConnection {
  private readonly stopped = new AbortController();
  private readonly options: IssuerConnectionOptions;

  constructor(options: IssuerConnectionOptions) {
    this.options = options;
  }

  /** The address at which the issuer is reached. */
  get address(): string {
    return this.options.issuerAddress ?? this.options.issuer;
  }

  /** Aborts all requests. */
  stop(): void {
    this.stopped.abort();
  }

  get isStopped(): boolean {
    return this.stopped.signal.aborted;
  }

  /** Ends early if the connection is stopped; does not keep the process alive. */
  pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.stopped.signal, ref: false }).catch(() => undefined);
  }

  /** The options with which oauth4webapi sends its requests. */
  get http() {
    return {
      [oauth.allowInsecureRequests]: new URL(this.options.issuer).protocol === 'http:',
      [oauth.customFetch]: async (url: string, init: RequestInit) => withoutNullMembers(await this.request(url, init)),
    };
  }

  /**
   * Authorization server metadata, RFC 8414 section 3; of a server that has none there, OpenID Connect Discovery 1.0
   * section 4.
   * @throws {UnexpectedStatusError} if the answer is not a success
   * @throws {oauth.OperationProcessingError} if the metadata is malformed, or of another issuer
   */
  async metadata(): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(this.options.issuer);
    let response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...this.http });
    if (isMissing(response)) response = await oauth.discoveryRequest(issuer, { algorithm: 'oidc', ...this.http });
    if (!response.ok) throw new UnexpectedStatusError(this.address, response);
    const metadata = await oauth.processDiscoveryResponse(issuer, response);
    // Character by character, RFC 8414 section 3.3, as `iss` is compared.
    if (metadata.issuer === this.options.issuer) return metadata;
    throw new oauth.OperationProcessingError(`"issuer" is "${metadata.issuer}", and must be "${this.options.issuer}"`);
  }

  /** @throws if credentials would travel to this address unencrypted */
  requireConfidential(url: string): void {
    const address = this.resolve(url);
    if (!isPlaintext(address) || this.options.allowInsecureRequests) return;
    throw new Error(`${address} is not https: secrets and tokens could be read in transit (allowInsecureRequests)`);
  }

  /** Like `send`, with the credentials of a client. */
  async sendAuthenticated(url: string, authorization: string, init: RequestInit, limits?: Limits): Promise<Answer> {
    this.requireConfidential(url);
    return this.send(url, { ...init, headers: { ...(init.headers as object), authorization } }, limits);
  }

  /** @throws {UnexpectedStatusError} if the answer is neither a success nor 304 */
  async send(url: string, init: RequestInit = {}, { waiting = 0, reading = 0 }: Limits = {}): Promise<Answer> {
    const response = await this.request(url, init, { waiting, reading });
    const { ok, status, headers } = response;
    if (!ok && status !== 304) throw new UnexpectedStatusError(this.resolve(url), response);
    return { status, headers, text: await response.text() };
  }

  /**
   * Sends a request, and reads the whole body of the response into memory.
   * @param limits  if given, the time-out begins again with the body; otherwise it is for both together
   */
  private async request(url: string, init: RequestInit, limits?: Required<Limits>): Promise<Response> {
    const { timeout = 5000 } = this.options;
    const address = this.resolve(url);
    const tooLate = new AbortController();
    const within = (ms: number) =>
      setTimeout(() => tooLate.abort(new DOMException(`${address} did not answer in time`, 'TimeoutError')), ms);
    let timer = within(timeout + (limits?.waiting ?? 0));
    try {
      const signal = AbortSignal.any([this.stopped.signal, tooLate.signal]);
      const response = await fetch(address, { redirect: 'error', ...init, signal });
      if (limits) {
        clearTimeout(timer);
        timer = within(timeout + limits.reading);
      }
      const { status, statusText, headers } = response;
      const body = await response.arrayBuffer().catch((cause: unknown) => {
        signal.throwIfAborted();
        throw new IncompleteAnswerError(`the response of ${address} was cut off`, { cause });
      });
      return new Response(body.byteLength > 0 ? body : null, { status, statusText, headers });
    } finally {
      clearTimeout(timer);
    }
  }

  private resolve(url: string): string {
    return resolveIssuerUrl(url, this.options.issuer, this.options.issuerAddress);
  }
}

const isMissing = ({ status }: Response): boolean => status >= 400 && status < 500 && status !== 429;

/** A member that is null counts as absent, though RFC 6749 section 5.1 has no null: some servers send one. */
async function withoutNullMembers(response: Response): Promise<Response> {
  const { status, statusText, headers } = response;
  const text = await response.text();
  return new Response(text === '' ? null : withoutNulls(text), { status, statusText, headers });
}

function withoutNulls(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return text;
    return JSON.stringify(Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null)));
  } catch {
    return text;
  }
}

/** @throws {UnexpectedStatusError} if the same request may succeed a moment later */
export function requireAvailable(response: Response, address: string): void {
  if (mayPass(response.status)) throw new UnexpectedStatusError(address, response);
}

const mayPass = (status: number): boolean => status >= 500 || status === 429;
