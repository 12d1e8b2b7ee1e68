import type { Revocation } from '@lanyard/access-token';
import { LRUCache } from 'lru-cache';

export type Entry = Revocation & { sequence: number };

/** What the server knows, and what a resource server asks for. */
export interface ListRequest {
  /** in the order of their sequence numbers */
  entries: readonly Entry[];
  /** how far they go */
  cursor: number;
  /** the cursor up to which the resource server has them; undefined: it has none */
  after: number | undefined;
  /** whether something may be missing */
  stale: boolean;
  /** the key that signs */
  kid: string;
}

/** The entries after `since` up to `cursor`. */
export interface UnsignedList {
  cursor: number;
  /** undefined: from the beginning */
  since: number | undefined;
  /** whether there is more after the cursor */
  more: boolean;
  stale: boolean;
  revocations: readonly Entry[];
}

interface SignedList extends Pick<UnsignedList, 'cursor' | 'since'> {
  text: string;
  size: number;
  /** ms since the epoch */
  signedAt: number;
}

/** How many entries one part of the list has; the last part has less than twice as many. */
const partSize = 10_000;

/** The last entries are given out 1, 8, 64, … at a time: there are few such lists, and each has at most eight times what was asked for. */
const rounding = 8;

/** From how many entries on a list serves for a moment though there are newer ones. */
const largeList = 1000;

/** How long a list is given out, ms: one that says what is revoked now, and one that is a part of the whole. */
const reuse = { last: 1000, part: 30_000 };

/** Before all cursors. */
const nothing = -1;

/** How much memory signed lists may take, characters; 100,000 entries have 3.5 million. */
const listsAtMost = 64 * 1024 * 1024;

/** The signed lists of revocations: few are signed, however many cursors are asked for. */
export class RevocationLists {
  private readonly signed = new LRUCache<string, SignedList>({
    maxSize: listsAtMost,
    sizeCalculation: ({ text }) => text.length,
    ttl: reuse.part,
  });

  constructor(private readonly sign: (list: UnsignedList) => string) {}

  list({ entries, cursor, after = nothing, stale, kid }: ListRequest): string {
    const { name, begin, end } = rangeAfter(entries, after);
    const isLast = end === entries.length;
    const key = `${name} ${stale} ${kid}`;
    const known = this.signed.get(key);
    if (known && isWithin(known, isLast ? reuse.last : reuse.part) && (known.since ?? nothing) <= after) {
      const isNewest = !isLast || known.cursor === cursor;
      if (isNewest || (known.size > largeList && known.cursor > after)) return known.text;
    }
    const list: UnsignedList = {
      cursor: isLast ? cursor : entries[end - 1]!.sequence,
      since: entries[begin - 1]?.sequence,
      more: !isLast,
      stale,
      revocations: entries.slice(begin, end),
    };
    const text = this.sign(list);
    const { length: size } = list.revocations;
    this.signed.set(key, { text, size, cursor: list.cursor, since: list.since, signedAt: Date.now() });
    return text;
  }
}

/** A clock that is set back must not keep a list for longer. */
const isWithin = ({ signedAt }: SignedList, ms: number) => Math.abs(Date.now() - signedAt) < ms;

/** Where the entries begin that are given out for a cursor, which is there or later, and where they end. */
function rangeAfter(entries: readonly Entry[], after: number): { name: string; begin: number; end: number } {
  const wanted = indexAfter(entries, after);
  const end = entries.length;
  // More than one part, so that a resource server that follows does not get all of a part when it becomes one.
  const lastPart = Math.max(0, Math.floor(end / partSize) - 1) * partSize;
  if (wanted < lastPart) {
    const begin = wanted - (wanted % partSize);
    return { name: `part ${entries[begin + partSize - 1]!.sequence}`, begin, end: begin + partSize };
  }
  let size = wanted === end ? 0 : 1;
  while (size < end - wanted) size *= rounding;
  return { name: `last ${size}`, begin: Math.max(lastPart, end - size), end };
}

/** Where the entries after a sequence number begin. */
function indexAfter(entries: readonly Entry[], sequence: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.sequence <= sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}
