import type { IncomingMessage } from 'node:http';
import { issueRevocationList, type Revocation, type SigningKey } from '@lanyard/access-token';

/** An answer of the server, where it is no JSON. */
export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  body?: string;
}

/** How many entries one part of the list has. */
const atMost = 100;

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
    const cursor = new URL(url, this.issuer).searchParams.get('cursor');
    const waits = headers.prefer !== undefined && cursor === String(this.entries.length);
    if (waits) await this.changed.promise;
    if (this.isCutOff && cursor !== null) return { status: 503, headers: { 'retry-after': '1' } };
    const since = cursor === null || Number(cursor) > this.entries.length ? undefined : Number(cursor);
    const revocations = this.entries.slice(since ?? 0).slice(0, atMost);
    const reached = (since ?? 0) + revocations.length;
    const list = { cursor: reached, since, more: reached < this.entries.length, stale: this.isCutOff, revocations };
    return {
      status: 200,
      headers: {
        'content-type': 'application/revocations+jwt',
        ...(waits && { 'preference-applied': String(headers.prefer) }),
      },
      body: issueRevocationList(this.issuer, this.key(), list),
    };
  }
}
