import type { RegisteredClient } from '@lanyard/administration';
import { formatScope } from '@lanyard/oauth-protocol';
import type { Client } from '../../registry/client.entity.ts';

/** A client as responses describe it; the fields have the names of RFC 7591. */
export function registeredClientOf(client: Client): RegisteredClient {
  return {
    client_id: client.clientId,
    client_name: client.clientName,
    grant_types: client.grantTypes,
    scope: formatScope(client.scope),
    default_scope: formatScope(client.defaultScope),
    resource_server_of: client.resourceServerOf,
    access_token_lifetime: client.accessTokenLifetime,
    tokens_per_minute: client.tokensPerMinute,
    disabled: client.disabledAt !== null,
    client_id_issued_at: Math.floor(client.createdAt.getTime() / 1000),
    updated_at: client.updatedAt.toISOString(),
  };
}
