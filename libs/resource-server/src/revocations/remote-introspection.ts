import type { IntrospectionResponse } from '@lanyard/oauth-protocol';
import { LRUCache } from 'lru-cache';
import { UnexpectedStatusError, type IssuerConnection } from '../issuer/issuer-connection.ts';
import { RevocationUnknownError } from './revocation-source.ts';

/** How long an answer serves, and after a failure nobody is asked, ms. */
const pause = 1000;

/** Asks the authorization server about a token, RFC 7662: for times in which it cannot be known here. */
export class RemoteIntrospection {
  private endpoint: Promise<string> | undefined;
  /** One request for each token at a time, and one a second. */
  private readonly underWay = new Map<string, Promise<boolean>>();
  private readonly answers = new LRUCache<string, boolean>({ max: 10_000, ttl: pause });
  private answered = false;
  private failedUntil = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly connection: IssuerConnection,
    private readonly authorization: () => Promise<string>,
  ) {}

  /**
   * As long as nothing was answered, one request goes at a time, and all wait for it.
   * @throws {RevocationUnknownError}  where there is no answer; then nothing is asked for a second, or for as
   *   long as the server says (`Retry-After`)
   */
  async isActive(token: string): Promise<boolean> {
    for (;;) {
      const before = this.answers.get(token) ?? this.underWay.get(token);
      if (before !== undefined) return before;
      if (performance.now() < this.failedUntil) throw unknown();
      if (this.answered || this.underWay.size === 0) return this.begin(token);
      await Promise.race(this.underWay.values()).catch(() => undefined);
    }
  }

  private begin(token: string): Promise<boolean> {
    const answer = this.ask(token)
      .then((active) => {
        this.answered = true;
        this.answers.set(token, active);
        return active;
      })
      .catch((cause: unknown) => {
        const isThrottled = cause instanceof UnexpectedStatusError && cause.status === 429;
        if (!isThrottled) [this.answered, this.endpoint] = [false, undefined];
        const least = isThrottled ? Math.max(pause, Math.min(cause.retryAfter, 60) * 1000) : pause;
        this.failedUntil = performance.now() + least * (1 + Math.random());
        throw unknown(cause);
      })
      .finally(() => this.underWay.delete(token));
    this.underWay.set(token, answer);
    return answer;
  }

  private async ask(token: string): Promise<boolean> {
    this.endpoint ??= this.findEndpoint();
    const [authorization, endpoint] = await Promise.all([this.authorization(), this.endpoint]);
    const { text } = await this.connection.sendAuthenticated(endpoint, authorization, {
      method: 'POST',
      headers: { accept: 'application/json' },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }),
    });
    const { active } = JSON.parse(text) as Partial<IntrospectionResponse>;
    return active === true;
  }

  private async findEndpoint(): Promise<string> {
    const { introspection_endpoint: endpoint } = await this.connection.metadata();
    if (endpoint === undefined) throw new Error('the authorization server has no introspection endpoint');
    return endpoint;
  }
}

const unknown = (cause?: unknown) =>
  new RevocationUnknownError('introspection is not possible at the moment', { cause });
