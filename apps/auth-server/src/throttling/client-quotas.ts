import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '@lanyard/service-defaults';
import type { AuthServerConfiguration } from '../configuration.ts';
import type { Client } from '../registry/client.entity.ts';
import { ClientQuota } from './client-quota.ts';
import { ReplicaBroadcast } from '../replicas/replica-broadcast.ts';

export const quotaNames = ['tokens', 'introspections', 'revocations', 'revocationLists'] as const;
export type QuotaName = (typeof quotaNames)[number];

/** How many times a minute a client may do each thing; ten seconds' worth may arrive at once. */
@Injectable()
export class ClientQuotas {
  private readonly quotas: Record<QuotaName, ClientQuota>;

  constructor(
    @Inject(CONFIGURATION) private readonly configuration: AuthServerConfiguration,
    broadcast: ReplicaBroadcast,
  ) {
    const quotaOf = (name: QuotaName): ClientQuota => {
      const quota = new ClientQuota();
      broadcast.register(name, quota);
      return quota;
    };
    this.quotas = {
      tokens: quotaOf('tokens'),
      introspections: quotaOf('introspections'),
      revocations: quotaOf('revocations'),
      revocationLists: quotaOf('revocationLists'),
    };
  }

  /**
   * Takes one from the client's quota.
   * @returns 0; or how many seconds the client must wait, if nothing is left
   */
  use(name: QuotaName, client: Client): number {
    return this.quotas[name].use(client.clientId, this.perMinute(name, client));
  }

  private perMinute(name: QuotaName, { tokensPerMinute }: Client): number {
    const { configuration } = this;
    switch (name) {
      case 'tokens':
        return tokensPerMinute ?? configuration.TOKENS_PER_MINUTE;
      case 'introspections':
        return configuration.INTROSPECTIONS_PER_MINUTE;
      case 'revocations':
        // A client may revoke all the tokens that it obtains.
        return Math.max(configuration.REVOCATIONS_PER_MINUTE, 2 * (tokensPerMinute ?? 0));
      case 'revocationLists':
        return configuration.REVOCATION_LISTS_PER_MINUTE;
      default:
        return name satisfies never;
    }
  }
}
