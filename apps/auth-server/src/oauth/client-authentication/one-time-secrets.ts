import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { appendAuditEvents } from '../../audit/append-audit-events.ts';
import { ClientSecret } from '../../registry/client.entity.ts';
import { invalidClient } from './client-credentials.ts';

/** Secrets that are good for one token request: how the first administrator gets in. */
@Injectable()
export class OneTimeSecrets {
  constructor(private readonly database: DataSource) {}

  /** Whoever deletes the row was the first to use it, whatever the number of replicas. */
  async consume({ id, clientId, hint }: ClientSecret, request: FastifyRequest): Promise<void> {
    if (request.route !== '/oauth/token') throw invalidClient('one-time secret that is not for this endpoint');
    const { ip, id: requestId } = request;
    await this.database.transaction(async (manager) => {
      // First of all, as everybody does who changes the secrets of a client.
      await manager.query('SELECT FROM client WHERE client_id = $1 FOR UPDATE', [clientId]);
      const { affected } = await manager.delete(ClientSecret, { id });
      if (affected !== 1) throw invalidClient('one-time secret that was used before');
      const origin = { actor: clientId, address: ip, requestId };
      await appendAuditEvents(manager, [
        { type: 'secret.consumed', origin, clientId, details: { secret_id: id, hint } },
      ]);
    });
  }
}
