import { validateRevocationList } from '@lanyard/access-token';
import { backoff, type RevocationListClaims } from '@lanyard/oauth-protocol';
import type { JWTVerifyGetKey } from 'jose';
import { UnexpectedStatusError, type IssuerConnection } from '@lanyard/token-client/issuer-connection';

export interface Applied {
  /** whether the list had entries that were unknown */
  hasNewEntries: boolean;
  /** whether the list is current: it was signed after all earlier ones */
  isNewest: boolean;
}

export interface RevocationListFollowerOptions {
  issuer: string;
  connection: IssuerConnection;
  /** the keys that sign lists */
  getKey: JWTVerifyGetKey;
  /** how long a request waits for changes, seconds; a dead connection is noticed within this time plus the timeout */
  wait: number;
  /** the value of `Authorization`, called for each request, since secrets are rotated */
  authorization: () => Promise<string>;
  apply: (list: RevocationListClaims) => Promise<Applied>;
  onError: (error: unknown) => void;
}

/** The minimum time between two lists, ms: revocations in between arrive in one list. */
const shortestPause = 50;

/** The maximum time between two requests if the first was answered at once with nothing new, ms. */
const longestPause = 5000;

/** How much longer than usual a list may take on a slow connection, ms. */
const longListTime = 55_000;

/** The maximum delay after failures, ms; longer after a refusal, which is unlikely to end soon. */
const longestDelay = { passing: 10_000, refused: 60_000 };

/** Follows the authorization server's revocation list: fetches all of it in parts, then new entries at once. */
export class RevocationListFollower {
  private cursor: number | undefined;
  private address: string | undefined;

  constructor(private readonly options: RevocationListFollowerOptions) {}

  /** @param attempted  called after each attempt, whatever its outcome */
  async follow(attempted: () => void): Promise<void> {
    const { connection, onError } = this.options;
    // The first request, and the first after a failure, do not wait: their answer brings the list up to date.
    let seconds = 0;
    // The number of consecutive answers that came at once with nothing new, though the request would have waited.
    let idle = 0;
    for (let failures = 0; !connection.isStopped;) {
      try {
        idle = (await this.fetchList(seconds)) || seconds === 0 ? 0 : idle + 1;
        attempted();
        await connection.pause(backoff(idle, shortestPause, longestPause, 0.25));
        [failures, seconds] = [0, this.options.wait];
      } catch (error) {
        if (connection.isStopped) return;
        onError(error);
        const isThrottled = error instanceof UnexpectedStatusError && error.isThrottled;
        if (!isThrottled) [this.address, seconds] = [undefined, 0];
        [failures, idle] = [failures + 1, 0];
        attempted();
        await connection.pause(delayAfter(failures, error));
      }
    }
  }

  /**
   * @param seconds  how long the answer may wait for changes
   * @returns whether there were new entries, or the request has waited for them
   */
  private async fetchList(seconds: number): Promise<boolean> {
    this.address ??= await this.listAddress();
    let { list, hasNewEntries, isNewest, headers } = await this.request(seconds);
    while (list.more) {
      const before = { cursor: list.cursor, hasNewEntries };
      ({ list, hasNewEntries, isNewest, headers } = await this.request(0));
      hasNewEntries ||= before.hasNewEntries;
      // A replayed part would make this loop endless.
      if (list.cursor < before.cursor || (list.more && list.cursor === before.cursor)) {
        throw new Error('the list does not continue where its last part ended');
      }
    }
    if (list.stale) throw new Error('the server that answered may not know the latest revocations');
    return hasNewEntries || (isNewest && headers.has('preference-applied'));
  }

  private async request(seconds: number): Promise<Applied & { list: RevocationListClaims; headers: Headers }> {
    const { connection, authorization, getKey, issuer, apply } = this.options;
    const address = this.cursor === undefined ? this.address! : `${this.address}?cursor=${this.cursor}`;
    const requestHeaders = { accept: 'application/jwt', ...(seconds > 0 && { prefer: `wait=${seconds}` }) };
    const limits = { waiting: seconds * 1000, reading: longListTime };
    const { status, text, headers } = await connection.sendAuthenticated(
      address,
      await authorization(),
      { headers: requestHeaders },
      limits,
    );
    if (status === 304) throw new Error('the server answered 304, which is not signed and proves nothing');
    const list = await validateRevocationList(text, getKey, { issuer });
    if (list.since !== undefined && list.since > (this.cursor ?? -1)) {
      throw new Error('the list does not continue from the known cursor');
    }
    const applied = await apply(list);
    this.moveCursor(list, applied.isNewest);
    return { ...applied, list, headers };
  }

  /** Moves the cursor back only if a list begins anew, as after a backup was restored. */
  private moveCursor({ cursor, since, more = false }: RevocationListClaims, isNewest: boolean): void {
    const beginsAnew = since === undefined && (isNewest || more);
    if (this.cursor === undefined || cursor > this.cursor || beginsAnew) this.cursor = cursor;
  }

  private async listAddress(): Promise<string> {
    const { revocations_uri: address } = await this.options.connection.metadata();
    if (typeof address !== 'string') throw new Error(`${this.options.issuer} has no revocation list`);
    return address;
  }
}

/** ms: 500, 1000, 2000 …, up to half of it less at random, so that many instances do not all retry at once. */
function delayAfter(failures: number, error: unknown): number {
  const answered = error instanceof UnexpectedStatusError ? error : undefined;
  const isRefused = answered !== undefined && answered.status >= 400 && !answered.mayPass;
  const longest = isRefused ? longestDelay.refused : longestDelay.passing;
  const requested = (answered?.retryAfter ?? 0) * 1000;
  const delay = backoff(failures - 1, 500, longest, 0.5);
  return Math.max(delay, requested * (1 + Math.random() / 2));
}
