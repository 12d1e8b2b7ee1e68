import type { IncomingMessage } from 'node:http';
import { issueRevocationList, type Revocation, type SigningKey } from '@lanyard/access-token';

/** An answer of the server, where it is no JSON. */
export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  body?: string;
}

/** What was revoked, and the list of it: the whole, what came after a cursor, or what comes next (`Prefer: wait`). */
export class TestRevocations {
  private readonly entries: Revocation[] = [];
  private changed = Promise.withResolvers<void>();
  requests = 0;
  /** whether the server has lost its database */
  isCutOff = false;

  constructor(
    private readonly issuer: string,
    private readonly key: () => SigningKey,
  ) {}

  add(revocation: Revocation): void {
    this.entries.push(revocation);
    this.tell();
  }

  has(kind: Revocation['kind'], id: unknown): boolean {
    return this.entries.some((entry) => entry.kind === kind && entry.id === id);
  }

  clear(): void {
    this.entries.length = 0;
    this.tell();
  }

  /** Answers all who wait. */
  tell(): void {
    this.changed.resolve();
    this.changed = Promise.withResolvers();
  }

  async answer({ url = '', headers }: IncomingMessage): Promise<RawAnswer> {
    this.requests += 1;
    const tag = () => `W/"${this.entries.length}"`;
    const waits = headers.prefer !== undefined && headers['if-none-match'] === tag();
    if (waits) await this.changed.promise;
    const asked = new URL(url, this.issuer).searchParams.get('cursor');
    if (this.isCutOff && asked !== null) return { status: 503, headers: { 'retry-after': '1' } };
    const answered = { etag: tag(), ...(waits && { 'preference-applied': String(headers.prefer) }) };
    if (headers['if-none-match'] === tag()) return { status: 304, headers: answered };
    const since = asked === null || Number(asked) > this.entries.length ? undefined : Number(asked);
    const revocations = this.entries.slice(since ?? 0);
    const list = { cursor: this.entries.length, since, stale: this.isCutOff, revocations };
    return {
      status: 200,
      headers: { 'content-type': 'application/revocations+jwt', ...answered },
      body: issueRevocationList(this.issuer, this.key(), list),
    };
  }
}
