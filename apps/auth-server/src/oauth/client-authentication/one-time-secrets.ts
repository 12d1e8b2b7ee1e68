import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { DataSource } from 'typeorm';
import { appendAuditEvents } from '../../audit/append-audit-events.ts';
import { ClientSecret } from '../../registry/client.entity.ts';
import { invalidClient } from './client-credentials.ts';

/** Secrets for a single token request, with which the first administrator gets in. */
@Injectable()
export class OneTimeSecrets {
  constructor(private readonly database: DataSource) {}

  /** The request that deletes the row is the first to use the secret, whatever the number of replicas. */
  async consume({ id, clientId, hint }: ClientSecret, request: FastifyRequest): Promise<void> {
    if (request.route !== '/oauth/token') throw invalidClient('one-time secret that is not for this endpoint');
    const { ip, id: requestId } = request;
    await this.database.transaction(async (manager) => {
      // Locked first, as in every other change of a client's secrets.
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
