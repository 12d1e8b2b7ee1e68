import { Inject, Injectable } from '@nestjs/common';
import type { CreatedSecret, NewSecret, Secret } from '@lanyard/administration';
import { CONFIGURATION, conflict, invalid, notFound } from '@lanyard/service-defaults';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';
import { appendAuditEvents, type AuditRecord, type Origin } from '../../audit/append-audit-events.ts';
import { digestSecret, generateClientSecret, isLive, isTruncated } from '../../registry/client-secret.ts';
import type { AuthServerConfiguration } from '../../configuration.ts';
import { emergencies } from '../../pools.ts';
import { Client, ClientSecret, ClientSecretUse, RemovedClientSecret } from '../../registry/client.entity.ts';
import { administrate } from '../administrate.ts';
import { requireOwnScopes } from '../administrative-scopes.ts';
import { removeSecret } from '../../revoked-tokens/revoke.ts';
import { Idempotency } from '../idempotency.ts';
import type { Administrator } from '../current-administrator.ts';
import { lockClient } from '../lock-client.ts';
import { adviceOn } from './secret-advice.ts';

/** More than this would make each authentication slow. */
const maxSecrets = 20;

/** The secrets of clients, each with its creation, expiry and last use. */
@Injectable()
export class Secrets {
  constructor(
    private readonly database: DataSource,
    @InjectDataSource(emergencies) private readonly emergencies: DataSource,
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    private readonly idempotency: Idempotency,
  ) {}

  async list(clientId: string): Promise<Secret[]> {
    return this.present(this.database.manager, await findClient(this.database.manager, clientId));
  }

  /** Adds a secret, and sets an expiry on the others if `overlap` is given. */
  async add(administrator: Administrator, clientId: string, request: NewSecret, idempotencyKey?: string) {
    // Also before an answer is repeated: the administrator may have less scope by now.
    const permit = async (manager: EntityManager) =>
      requireOwnScopes(manager, administrator, (await findClient(manager, clientId)).scope);
    return this.idempotency.once<CreatedSecret>(
      administrator,
      idempotencyKey,
      { clientId, ...request },
      permit,
      async (manager) => {
        const client = await lockClient(manager, administrator, clientId);
        await requireRoom(manager, clientId);
        const records =
          request.overlap === undefined ? [] : await this.setExpiry(manager, administrator, client, request.overlap);
        const { secret, row, records: more } = await this.insert(manager, administrator, client, request);
        await appendAuditEvents(manager, [...more, ...records]);
        const presented = (await this.present(manager, client)).find(({ secret_id }) => secret_id === row.id)!;
        return { ...presented, client_id: clientId, client_secret: secret };
      },
    );
  }

  /** Removes the secret, and revokes the access tokens that were obtained with it. */
  async remove(administrator: Administrator, clientId: string, secretId: string): Promise<void> {
    await administrate(this.emergencies, administrator, async (manager) => {
      await lockClient(manager, administrator, clientId);
      const secret = await manager.findOneBy(ClientSecret, { id: secretId, clientId });
      if (!secret) throw notFound('secret');
      await removeSecret(manager, secret);
      await appendAuditEvents(manager, [recordOf('secret.removed', administrator, secret)]);
    });
  }

  /** Stores a new secret's digest; the caller appends the records. */
  async insert(
    manager: EntityManager,
    origin: Origin,
    { clientId }: Client,
    { client_secret: own, expires_in: seconds }: NewSecret,
  ): Promise<{ secret: string; row: ClientSecret; records: AuditRecord[] }> {
    if (own !== undefined && isTruncated(own)) {
      throw invalid([{ path: ['client_secret'], message: 'is a generated secret that is truncated or mistyped' }]);
    }
    const secret = own ?? generateClientSecret();
    const digest = digestSecret(secret);
    if (await manager.existsBy(ClientSecret, { clientId, digest })) {
      throw conflict('secret-exists', 'The secret exists', 'the client has this secret already');
    }
    if (await manager.existsBy(RemovedClientSecret, { clientId, digest })) {
      throw conflict('secret-removed', 'The secret was removed', 'the client had this secret before: choose a new one');
    }
    const expiresAt = seconds === undefined ? null : new Date(Date.now() + seconds * 1000);
    const row = await manager.save(ClientSecret, {
      clientId,
      digest,
      hint: secret.slice(-4),
      expiresAt,
      oneTime: false,
    });
    return { secret, row, records: [recordOf('secret.added', origin, row)] };
  }

  /** Sets an expiry on the live secrets; those that expire earlier keep theirs. */
  private async setExpiry(manager: EntityManager, origin: Origin, { clientId }: Client, seconds: number) {
    const expiresAt = new Date(Date.now() + seconds * 1000);
    const secrets = await manager.findBy(ClientSecret, { clientId });
    const outliving = secrets.filter((secret) => isLive(secret) && isLive(secret, expiresAt.getTime()));
    for (const secret of outliving) await manager.save(ClientSecret, Object.assign(secret, { expiresAt }));
    return outliving.map((secret) => recordOf('secret.ends', origin, secret));
  }

  private async present(manager: EntityManager, { clientId, accessTokenLifetime }: Client): Promise<Secret[]> {
    const rows = await manager.find(ClientSecret, { where: { clientId }, order: { createdAt: 'DESC', id: 'ASC' } });
    const uses = await manager
      .createQueryBuilder(ClientSecretUse, 'use')
      .where('use.secretId = ANY(:ids)', { ids: rows.map(({ id }) => id) })
      .getMany();
    const secrets = rows.map((row) => {
      const use = uses.find(({ secretId }) => secretId === row.id);
      const { id, hint, oneTime, createdAt, expiresAt } = row;
      return {
        id,
        hint,
        oneTime,
        createdAt,
        expiresAt,
        lastUsedAt: use?.lastUsedAt ?? null,
        useCount: use?.useCount ?? 0,
      };
    });
    const { ACCESS_TOKEN_LIFETIME } = this.configuration;
    const lifetime = Math.min(ACCESS_TOKEN_LIFETIME, accessTokenLifetime ?? ACCESS_TOKEN_LIFETIME);
    return secrets.map((secret) => ({
      secret_id: secret.id,
      hint: secret.hint,
      state: isLive(secret) ? 'live' : 'expired',
      one_time: secret.oneTime,
      created_at: secret.createdAt.toISOString(),
      expires_at: secret.expiresAt?.toISOString() ?? null,
      last_used_at: secret.lastUsedAt?.toISOString() ?? null,
      use_count: secret.useCount,
      ...adviceOn(secret, secrets, lifetime, Date.now()),
    }));
  }
}

async function findClient(manager: EntityManager, clientId: string): Promise<Client> {
  const client = await manager.findOneBy(Client, { clientId });
  if (!client) throw notFound('client');
  return client;
}

async function requireRoom(manager: EntityManager, clientId: string): Promise<void> {
  if ((await manager.countBy(ClientSecret, { clientId })) < maxSecrets) return;
  const detail = `the client has ${maxSecrets} secrets: remove some first`;
  throw conflict('too-many-secrets', 'Too many secrets', detail);
}

const recordOf = (
  type: AuditRecord['type'],
  origin: Origin,
  { clientId, id, hint, expiresAt }: ClientSecret,
): AuditRecord => ({
  type,
  origin,
  clientId,
  details: { secret_id: id, hint, expires_at: expiresAt?.toISOString() ?? null },
});
