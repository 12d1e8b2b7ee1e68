import type { IncomingMessage } from 'node:http';
import { issueRevocationList, type Revocation, type SigningKey } from '@lanyard/access-token';

/** A response of the server that is not JSON. */
export interface RawAnswer {
  status: number;
  headers: Record<string, string>;
  body?: string;
}

/** The maximum number of entries in one part of the list. */
const partSize = 100;

/** The revocations and their list: all of it, the entries after a cursor, or the next ones (`Prefer: wait`). */
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
    this.answerWaiting();
  }

  has(kind: Revocation['kind'], id: unknown): boolean {
    return this.entries.some((entry) => entry.kind === kind && entry.id === id);
  }

  clear(): void {
    this.entries.length = 0;
    this.answerWaiting();
  }

  /** Answers all waiting requests. */
  answerWaiting(): void {
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
    const revocations = this.entries.slice(since ?? 0).slice(0, partSize);
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
