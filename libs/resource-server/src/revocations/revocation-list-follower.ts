import { setTimeout as sleep } from 'node:timers/promises';
import { validateRevocationList } from '@lanyard/access-token';
import { backoff, type RevocationListClaims } from '@lanyard/oauth-protocol';
import type { JWTVerifyGetKey } from 'jose';
import { UnexpectedStatusError, type IssuerConnection } from '@lanyard/token-client/issuer-connection';

export interface Taken {
  /** whether it has entries that were not known */
  isNew: boolean;
  /** whether it says what is revoked now: it was signed after all that came before it */
  isNews: boolean;
}

export interface RevocationListFollowerOptions {
  issuer: string;
  connection: IssuerConnection;
  /** the keys that sign lists */
  getKey: JWTVerifyGetKey;
  /** how long a request waits for news, seconds; so a connection that is dead is noticed within this and the timeout */
  wait: number;
  /** the value of `Authorization`, asked for each time, since secrets are rotated */
  authorization: () => Promise<string>;
  take: (list: RevocationListClaims) => Promise<Taken>;
  onError: (error: unknown) => void;
}

/** The least time between two lists, ms: what is revoked meanwhile comes in one. */
const least = 50;

/** The longest time between two requests of which the first was answered at once with nothing new, ms. */
const most = 5000;

/** How much longer than usual a list may take on a slow line, ms. */
const longList = 55_000;

/** ms; what the server refuses does not mend itself soon */
const longestDelay = { passing: 10_000, refused: 60_000 };

/** Follows the authorization server's list of revocations: the whole of it in parts, then what is new, as soon as it is. */
export class RevocationListFollower {
  private cursor: number | undefined;
  private address: string | undefined;

  constructor(private readonly options: RevocationListFollowerOptions) {}

  /** @param attempted  called after the first attempt, whatever came of it */
  async follow(attempted: () => void): Promise<void> {
    const { connection, onError } = this.options;
    // The first request, and the first after a failure, are answered at once: so it is known how things are.
    let seconds = 0;
    // How many answers in a row came at once though the request would have waited, with nothing new.
    let idle = 0;
    for (let failures = 0; !connection.isStopped;) {
      try {
        idle = (await this.ask(seconds)) || seconds === 0 ? 0 : idle + 1;
        attempted();
        await this.paused(backoff(idle, least, most, 0.25));
        [failures, seconds] = [0, this.options.wait];
      } catch (error) {
        if (connection.isStopped) return;
        onError(error);
        if (!isThrottled(error)) [this.address, seconds] = [undefined, 0];
        [failures, idle] = [failures + 1, 0];
        attempted();
        await this.paused(delayAfter(failures, error));
      }
    }
  }

  /**
   * @param seconds  how long the answer may wait for news
   * @returns whether there was news, or the request has waited for it
   */
  private async ask(seconds: number): Promise<boolean> {
    this.address ??= await this.listAddress();
    let { list, isNew, isNews, headers } = await this.request(seconds);
    while (list.more) {
      const before = { cursor: list.cursor, isNew };
      ({ list, isNew, isNews, headers } = await this.request(0));
      isNew ||= before.isNew;
      // A part that is repeated has no end.
      if (list.cursor < before.cursor || (list.more && list.cursor === before.cursor)) {
        throw new Error('the list does not go on where its last part ended');
      }
    }
    if (list.stale) throw new Error('the server that answered may not know what was revoked of late');
    return isNew || (isNews && headers.has('preference-applied'));
  }

  private async request(seconds: number): Promise<Taken & { list: RevocationListClaims; headers: Headers }> {
    const { connection, authorization, getKey, issuer, take } = this.options;
    const address = this.cursor === undefined ? this.address! : `${this.address}?cursor=${this.cursor}`;
    const asked = { accept: 'application/jwt', ...(seconds > 0 && { prefer: `wait=${seconds}` }) };
    const limits = { waiting: seconds * 1000, reading: longList };
    const { status, text, headers } = await connection.sendAuthenticated(
      address,
      await authorization(),
      { headers: asked },
      limits,
    );
    if (status === 304) throw new Error('the server answered 304: that is not signed, and says nothing of now');
    const list = await validateRevocationList(text, getKey, { issuer });
    if (list.since !== undefined && list.since > (this.cursor ?? -1)) {
      throw new Error('the list does not follow what is known');
    }
    const taken = await take(list);
    this.goOn(list, taken.isNews);
    return { ...taken, list, headers };
  }

  /** Back only where a list begins anew, as after a backup was restored. */
  private goOn({ cursor, since, more = false }: RevocationListClaims, isNews: boolean): void {
    const beginsAnew = since === undefined && (isNews || more);
    if (this.cursor === undefined || cursor > this.cursor || beginsAnew) this.cursor = cursor;
  }

  private async listAddress(): Promise<string> {
    const { revocations_uri: address } = await this.options.connection.metadata();
    if (typeof address !== 'string') throw new Error(`${this.options.issuer} has no list of revocations`);
    return address;
  }

  private paused(ms: number): Promise<void> {
    const { untilStopped: signal } = this.options.connection;
    return sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** RFC 6585 section 4: nothing is wrong, but it is to be asked less often. */
const isThrottled = (error: unknown): boolean => error instanceof UnexpectedStatusError && error.status === 429;

/** 0.5, 1, 2 … seconds; half of it by chance, so that many instances do not come back at once. */
function delayAfter(failures: number, error: unknown): number {
  const refused =
    error instanceof UnexpectedStatusError && error.status >= 400 && error.status < 500 && !isThrottled(error);
  const longest = refused ? longestDelay.refused : longestDelay.passing;
  const asked = error instanceof UnexpectedStatusError ? Math.min(error.retryAfter * 1000, 60_000) : 0;
  const delay = backoff(failures - 1, 500, longest, 0.5);
  return Math.max(delay, asked * (1 + Math.random() / 2));
}
