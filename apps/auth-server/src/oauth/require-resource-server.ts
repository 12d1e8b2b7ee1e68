import { OAuthError } from '@lanyard/oauth-protocol';
import type { Client } from '../registry/client.entity.ts';

/** Refuses a client that is not a resource server. */
export function requireResourceServer({ resourceServerOf }: Client): void {
  if (resourceServerOf.length > 0) return;
  throw new OAuthError(
    'unauthorized_client',
    'the client is not registered as the resource server of a protected resource',
  );
}
