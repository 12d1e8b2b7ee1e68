import { setImmediate as nextTurn } from 'node:timers/promises';
import { revocationKinds, type RevocationKind, type RevocationListClaims } from '@lanyard/oauth-protocol';
import type { AccessToken } from './access-token-validator.ts';

/** Revokes one token, or all tokens that share a grant or a key. */
export interface Revocation {
  kind: RevocationKind;
  id: string;
  /** when the last token that it revokes has expired; seconds since the epoch */
  until: number;
}

/** The revocations in memory: checking a token takes three lookups. */
export class RevokedTokens {
  private readonly untilById: Record<RevocationKind, Map<string, number>> = {
    jti: new Map(),
    grant_id: new Map(),
    kid: new Map(),
  };

  get size(): number {
    return revocationKinds.reduce((sum, kind) => sum + this.untilById[kind].size, 0);
  }

  /** Whether a valid token is revoked, by its `jti`, its grant or its key. */
  has({ claims: { jti, grant_id: grantId }, keyId }: Pick<AccessToken, 'claims' | 'keyId'>): boolean {
    const { jti: tokens, grant_id: grants, kid: keys } = this.untilById;
    return tokens.has(jti) || (grantId !== undefined && grants.has(grantId)) || keys.has(keyId);
  }

  /** Whether everything signed with a key is revoked. */
  hasKey(kid: string | undefined): boolean {
    return kid !== undefined && this.untilById.kid.has(kid);
  }

  /** Adds entries in slices, one per turn of the event loop. */
  addAll(revocations: Iterable<Revocation>): Promise<void> {
    return inSlices(revocations, (revocation) => this.add(revocation));
  }

  add({ kind, id, until }: Revocation): void {
    const ofKind = this.untilById[kind];
    ofKind.set(id, Math.max(until, ofKind.get(id) ?? 0));
  }

  /**
   * Drops ended entries in slices, one per turn of the event loop.
   * @param now  seconds since the epoch
   */
  async dropEnded(now: number): Promise<void> {
    for (const ofKind of Object.values(this.untilById)) {
      await inSlices(ofKind, ([id, until]) => until < now && ofKind.delete(id));
    }
  }
}

/** How many entries are handled in one turn of the event loop: about a millisecond of work. */
const sliceSize = 2000;

async function inSlices<T>(items: Iterable<T>, handle: (item: T) => void): Promise<void> {
  let handled = 0;
  for (const item of items) {
    handle(item);
    handled += 1;
    if (handled % sliceSize === 0) await nextTurn();
  }
}

/** The entries of a revocation list. */
export function* revocationsIn({ revoked }: RevocationListClaims): Generator<Revocation> {
  for (const kind of revocationKinds) {
    for (const [until, ids] of Object.entries(revoked[kind] ?? {})) {
      for (const id of ids) yield { kind, id, until: Number(until) };
    }
  }
}
