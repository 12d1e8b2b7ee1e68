import type { IntrospectionResponse } from '@lanyard/oauth-protocol';
import { LRUCache } from 'lru-cache';
import type { IssuerConnection } from '../issuer/issuer-connection.ts';
import { RevocationUnknownError } from './revocation-source.ts';

/** How long an answer serves, ms. */
const answerLifetime = 1000;

/** Asks the authorization server about a token, RFC 7662: for times in which it cannot be known here. */
export class RemoteIntrospection {
  private endpoint: Promise<string> | undefined;
  /** One request for each token at a time, and one a second. */
  private readonly answers = new LRUCache<string, Promise<boolean>>({ max: 10_000, ttl: answerLifetime });

  constructor(
    private readonly connection: IssuerConnection,
    private readonly authorization: () => Promise<string>,
  ) {}

  /** @throws {RevocationUnknownError}  where there is no answer */
  isActive(token: string): Promise<boolean> {
    const before = this.answers.get(token);
    if (before) return before;
    const answer = this.ask(token).catch((cause: unknown) => {
      this.answers.delete(token);
      this.endpoint = undefined;
      throw new RevocationUnknownError('introspection is not possible at the moment', { cause });
    });
    this.answers.set(token, answer);
    return answer;
  }

  private async ask(token: string): Promise<boolean> {
    const authorization = await this.authorization();
    this.endpoint ??= this.connection.metadata().then(({ introspection_endpoint: endpoint }) => {
      if (endpoint === undefined) throw new Error('the authorization server has no introspection endpoint');
      return endpoint;
    });
    const response = await this.connection.send(await this.endpoint, {
      method: 'POST',
      headers: { authorization, accept: 'application/json' },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }),
    });
    const { active } = (await response.json()) as Partial<IntrospectionResponse>;
    return active === true;
  }
}
