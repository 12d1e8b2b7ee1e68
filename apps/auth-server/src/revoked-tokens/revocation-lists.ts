import type { Revocation } from '@lanyard/access-token';
import { LRUCache } from 'lru-cache';

export type Entry = Revocation & { sequence: number };

/** The state of the server, and the request of a resource server. */
export interface ListRequest {
  /** in the order of their sequence numbers */
  entries: readonly Entry[];
  /** how far they go */
  cursor: number;
  /** the cursor up to which the resource server has them; undefined: it has none */
  after: number | undefined;
  /** whether entries may be missing */
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

/**
 * The last entries are served in lists of 1, 8, 64, … entries, so that there are few different lists. Each has at most
 * eight times as many entries as were requested.
 */
const rounding = 8;

/** A list with more entries is reused for a moment, although there are newer ones. */
const largeList = 1000;

/** How long a list is reused, ms: a list of the last entries, and any other part. */
const reuse = { last: 1000, part: 30_000 };

/** Before all cursors. */
const start = -1;

/** How much memory signed lists may take, characters; 100,000 entries have 3.5 million. */
const maxCharacters = 64 * 1024 * 1024;

/** The signed revocation lists: few are signed, however many cursors are requested. */
export class RevocationLists {
  private readonly signed = new LRUCache<string, SignedList>({
    maxSize: maxCharacters,
    sizeCalculation: ({ text }) => text.length,
    ttl: reuse.part,
  });

  constructor(private readonly sign: (list: UnsignedList) => string) {}

  list({ entries, cursor, after = start, stale, kid }: ListRequest): string {
    const { name, begin, end } = rangeAfter(entries, after);
    const isLast = end === entries.length;
    const key = `${name} ${stale} ${kid}`;
    const known = this.signed.get(key);
    if (known && isWithin(known, isLast ? reuse.last : reuse.part) && (known.since ?? start) <= after) {
      const isUpToDate = !isLast || known.cursor === cursor;
      if (isUpToDate || (known.size > largeList && known.cursor > after)) return known.text;
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

/** A list must not be kept for longer because the clock was set back. */
const isWithin = ({ signedAt }: SignedList, ms: number) => Math.abs(Date.now() - signedAt) < ms;

/** The range of entries to serve for a cursor; it may begin before the cursor, never after it. */
function rangeAfter(entries: readonly Entry[], after: number): { name: string; begin: number; end: number } {
  const wanted = indexAfter(entries, after);
  const end = entries.length;
  // Includes the last complete part: otherwise a resource server that lacks a single entry of it would get all of it.
  const lastPartBegin = Math.max(0, Math.floor(end / partSize) - 1) * partSize;
  if (wanted < lastPartBegin) {
    const begin = wanted - (wanted % partSize);
    return { name: `part ${entries[begin + partSize - 1]!.sequence}`, begin, end: begin + partSize };
  }
  let size = wanted === end ? 0 : 1;
  while (size < end - wanted) size *= rounding;
  return { name: `last ${size}`, begin: Math.max(lastPartBegin, end - size), end };
}

/** The index of the first entry after a sequence number. */
function indexAfter(entries: readonly Entry[], sequence: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.sequence <= sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}
