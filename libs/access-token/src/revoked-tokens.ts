import { revocationKinds, type RevocationKind, type RevocationListClaims } from '@lanyard/oauth-protocol';
import type { AccessToken } from './access-token-validator.ts';

/** A token, or all tokens that have something in common, that nobody is to accept any more. */
export interface Revocation {
  kind: RevocationKind;
  id: string;
  /** after which nothing that it revokes is valid any more; seconds since the epoch */
  until: number;
}

/** What is revoked, for three lookups in memory for each token. */
export class RevokedTokens {
  private readonly untilById: Record<RevocationKind, Map<string, number>> = {
    jti: new Map(),
    grant_id: new Map(),
    kid: new Map(),
  };

  get size(): number {
    return revocationKinds.reduce((sum, kind) => sum + this.untilById[kind].size, 0);
  }

  /** Whether a token that was found valid is revoked, by itself, by its grant or by its key. */
  has({ claims: { jti, grant_id: grantId }, keyId }: Pick<AccessToken, 'claims' | 'keyId'>): boolean {
    const { jti: tokens, grant_id: grants, kid: keys } = this.untilById;
    return tokens.has(jti) || (grantId !== undefined && grants.has(grantId)) || keys.has(keyId);
  }

  /** Whether everything that a key signed is revoked. */
  hasKey(kid: string | undefined): boolean {
    return kid !== undefined && this.untilById.kid.has(kid);
  }

  add({ kind, id, until }: Revocation): void {
    const untilById = this.untilById[kind];
    untilById.set(id, Math.max(until, untilById.get(id) ?? 0));
  }

  /** @param now  seconds since the epoch */
  dropEnded(now: number): void {
    for (const kind of revocationKinds) {
      for (const [id, until] of this.untilById[kind]) if (until < now) this.untilById[kind].delete(id);
    }
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
