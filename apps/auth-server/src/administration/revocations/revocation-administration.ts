import { Injectable } from '@nestjs/common';
import type { AccessToken } from '@lanyard/access-token';
import { administrativeScopes, type NewRevocation, type RevocationDescription } from '@lanyard/administration';
import { invalid, notFound, problemException } from '@lanyard/service-defaults';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, MoreThan, type EntityManager } from 'typeorm';
import { appendAuditEvents } from '../../audit/append-audit-events.ts';
import { bulk, emergencies } from '../../pools.ts';
import { Client, ClientSecret, RemovedClientSecret } from '../../registry/client.entity.ts';
import { hasForeignJti, IssuedTokens } from '../../revoked-tokens/issued-tokens.ts';
import { RevocationRow } from '../../revoked-tokens/revocation.entity.ts';
import { revokeGrants, revokeJti, revokeTokens } from '../../revoked-tokens/revoke.ts';
import { administrate } from '../administrate.ts';
import { requireOwnScopes } from '../administrative-scopes.ts';
import type { Administrator } from '../current-administrator.ts';
import { lockClient } from '../lock-client.ts';
import type { RevocationQuery } from './revocation.query.ts';

/** The client whose tokens were revoked, and which tokens. */
interface Revoked {
  clientId?: string;
  details: { jti?: string; secret_id?: string };
}

/** The revocation of access tokens by administrators. */
@Injectable()
export class RevocationAdministration {
  constructor(
    @InjectDataSource(emergencies) private readonly emergencies: DataSource,
    @InjectDataSource(bulk) private readonly bulk: DataSource,
    private readonly tokens: IssuedTokens,
  ) {}

  async revoke(administrator: Administrator, revocation: NewRevocation): Promise<void> {
    // Before the transaction, which has one connection: reading new keys takes another.
    const token = 'token' in revocation ? await this.tokens.validateWithFreshKeys(revocation.token) : undefined;
    if (token && hasForeignJti(token)) {
      const message = `its jti was not issued by this server: the signing key was stolen; withdraw the key ${token.keyId}`;
      throw invalid([{ path: ['token'], message }]);
    }
    await administrate(this.emergencies, administrator, async (manager) => {
      const revoked = await revokeWithin(manager, administrator, revocation, token);
      if (!revoked) return;
      await appendAuditEvents(manager, [{ type: 'access_token.revoked', origin: administrator, ...revoked }]);
    });
  }

  async list({ client_id: clientId, kind, limit, after }: RevocationQuery): Promise<RevocationDescription[]> {
    const rows = await this.bulk.manager.find(RevocationRow, {
      where: {
        endsAt: MoreThan(new Date()),
        ...(clientId !== undefined && { clientId }),
        ...(kind !== undefined && { kind }),
        ...(after !== undefined && { sequence: MoreThan(after) }),
      },
      order: { sequence: 'ASC' },
      take: limit,
    });
    return rows.map((row) => ({
      sequence: row.sequence,
      kind: row.kind,
      id: row.id,
      client_id: row.clientId,
      revoked_at: row.revokedAt.toISOString(),
      ends_at: row.endsAt.toISOString(),
    }));
  }
}

/** @returns undefined if a token is not valid, so that it needs no revocation */
async function revokeWithin(
  manager: EntityManager,
  administrator: Administrator,
  revocation: NewRevocation,
  token: AccessToken | undefined,
): Promise<Revoked | undefined> {
  if ('token' in revocation) {
    if (!token) return undefined;
    const client = await manager.findOneBy(Client, { clientId: token.clientId });
    await requireOwnScopes(manager, administrator, client?.scope ?? []);
    await revokeTokens(manager, [token]);
    return { clientId: token.clientId, details: { jti: token.claims.jti } };
  }
  if ('jti' in revocation) {
    const { jti } = revocation;
    requireAllScopes(administrator);
    await requireOwnScopes(manager, administrator, Object.keys(administrativeScopes));
    await revokeJti(manager, jti);
    return { details: { jti } };
  }
  if ('client_id' in revocation) {
    const { clientId } = await lockClient(manager, administrator, revocation.client_id);
    await revokeGrants(manager, clientId);
    return { clientId, details: {} };
  }
  const { secret_id: secretId } = revocation;
  const secret =
    (await manager.findOneBy(ClientSecret, { id: secretId })) ??
    (await manager.findOneBy(RemovedClientSecret, { secretId }));
  if (!secret) throw notFound('secret');
  const { clientId } = await lockClient(manager, administrator, secret.clientId);
  await revokeGrants(manager, clientId, secretId);
  return { clientId, details: { secret_id: secretId } };
}

/** A jti does not say whose token it is: it may be the token of any administrator. */
function requireAllScopes({ token }: Administrator): void {
  if (Object.keys(administrativeScopes).every((value) => token?.scopes.has(value))) return;
  throw problemException(403, 'beyond-own-scope', 'Beyond your own scope', {
    detail:
      'a jti does not say whose token it is: without all administrative scopes, send the token itself, or revoke all tokens of its client',
  });
}
