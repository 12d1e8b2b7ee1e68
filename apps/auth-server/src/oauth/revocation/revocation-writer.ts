import { Injectable } from '@nestjs/common';
import type { AccessToken } from '@lanyard/access-token';
import { DataSource } from 'typeorm';
import { appendAuditEvents, type Origin } from '../../audit/append-audit-events.ts';
import { RevocationState } from '../../revoked-tokens/revocation-state.ts';
import { revokeTokens } from '../../revoked-tokens/revoke.ts';

interface Waiting {
  token: AccessToken;
  origin: Origin;
  done: PromiseWithResolvers<void>;
}

/** How many revocations are written in one transaction. */
const batchSize = 500;

/**
 * Revokes tokens for the clients they were issued to. Requests that arrive during a transaction are written together in
 * the next one, since transactions wait for each other; each is answered once its transaction has committed.
 */
@Injectable()
export class RevocationWriter {
  private readonly waiting: Waiting[] = [];
  private writing = false;

  constructor(
    private readonly revocations: RevocationState,
    private readonly database: DataSource,
  ) {}

  revoke(token: AccessToken, origin: Origin): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.waiting.push({ token, origin, done });
    if (!this.writing) void this.writeAll();
    return done.promise;
  }

  private async writeAll(): Promise<void> {
    this.writing = true;
    for (let next = this.waiting.splice(0, batchSize); next.length > 0; next = this.waiting.splice(0, batchSize)) {
      const written = this.write(next);
      await written.catch(() => undefined);
      for (const { done } of next) done.resolve(written);
    }
    this.writing = false;
  }

  private async write(requests: readonly Waiting[]): Promise<void> {
    const next = [...new Map(requests.map((one) => [one.token.claims.jti, one])).values()];
    await this.database.transaction(async (manager) => {
      const revoked = new Set(
        await revokeTokens(
          manager,
          next.map(({ token }) => token),
        ),
      );
      // One event for each token, however often and wherever its revocation was requested.
      const fresh = next.filter(({ token }) => revoked.has(token.claims.jti));
      await appendAuditEvents(
        manager,
        fresh.map(({ token: { clientId, claims }, origin }) => ({
          type: 'access_token.revoked',
          origin,
          clientId,
          details: { jti: claims.jti },
        })),
      );
    });
    await this.revocations.load();
  }
}
