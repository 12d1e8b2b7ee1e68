import { setTimeout as sleep } from 'node:timers/promises';
import { validateRevocationList } from '@lanyard/access-token';
import type { RevocationListClaims } from '@lanyard/oauth-protocol';
import type { JWTVerifyGetKey } from 'jose';
import { UnexpectedStatusError, type IssuerConnection } from '../issuer/issuer-connection.ts';

export interface RevocationFeedOptions {
  issuer: string;
  connection: IssuerConnection;
  /** the keys that sign lists */
  getKey: JWTVerifyGetKey;
  /** how long a request waits for news, seconds; so a connection that is dead is noticed within this and the timeout */
  wait: number;
  /** the value of `Authorization`, asked for each time, since secrets are rotated */
  authorization: () => Promise<string>;
  /** takes what is new; undefined: nothing is, as of now. Returns whether there was something that was not known */
  take: (list: RevocationListClaims | undefined) => boolean;
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

/** Follows the authorization server's list of revocations: a snapshot, then what is new, as soon as it is. */
export class RevocationFeed {
  private cursor: number | undefined;
  private address: string | undefined;

  constructor(private readonly options: RevocationFeedOptions) {}

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
        await this.paused(Math.min(least * 2 ** idle, most) * (0.75 + Math.random() / 4));
        [failures, seconds] = [0, this.options.wait];
      } catch (error) {
        if (connection.isStopped) return;
        onError(error);
        this.address = undefined;
        [failures, seconds, idle] = [failures + 1, 0, 0];
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
    const { connection, authorization, take } = this.options;
    this.address ??= await this.listAddress();
    const known = this.cursor === undefined ? undefined : String(this.cursor);
    const address = known === undefined ? this.address : `${this.address}?cursor=${known}`;
    const headers = {
      accept: 'application/jwt',
      ...(known !== undefined && { 'if-none-match': `W/"${known}"` }),
      ...(seconds > 0 && { prefer: `wait=${seconds}` }),
    };
    const limits = { waiting: seconds * 1000, reading: longList };
    const answer = await connection.sendAuthenticated(address, await authorization(), { headers }, limits);
    if (answer.status !== 304) return this.read(answer.text);
    take(undefined);
    return answer.headers.has('preference-applied');
  }

  private async read(text: string): Promise<boolean> {
    const { getKey, issuer, take } = this.options;
    const list = await validateRevocationList(text, getKey, { issuer });
    if (list.since !== undefined && list.since !== this.cursor)
      throw new Error('the list does not follow what is known');
    const isNew = take(list);
    this.cursor = list.cursor;
    if (list.stale) throw new Error('the server that answered may not know what was revoked of late');
    return isNew;
  }

  private async listAddress(): Promise<string> {
    const { revocations_uri: address } = await this.options.connection.metadata();
    if (address === undefined) throw new Error(`${this.options.issuer} has no list of revocations`);
    return address;
  }

  private paused(ms: number): Promise<void> {
    const { untilStopped: signal } = this.options.connection;
    return sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** 0.5, 1, 2 … seconds; half of it by chance, so that many instances do not come back at once. */
function delayAfter(failures: number, error: unknown): number {
  const refused = error instanceof UnexpectedStatusError && error.status >= 400 && error.status < 500;
  const longest = refused ? longestDelay.refused : longestDelay.passing;
  const asked = error instanceof UnexpectedStatusError ? Math.min(error.retryAfter * 1000, 60_000) : 0;
  const delay = Math.min(500 * 2 ** Math.min(failures - 1, 10), longest) * (0.5 + Math.random() / 2);
  return Math.max(delay, asked * (1 + Math.random() / 2));
}
