import { OAuthError } from '@lanyard/oauth-protocol';
import type { Client } from '../../registry/client.entity.ts';

/** What resource servers alone may ask. */
export function requireResourceServer({ resourceServerOf }: Client): void {
  if (resourceServerOf.length > 0) return;
  throw new OAuthError(
    'unauthorized_client',
    'the client is registered as the resource server of no protected resource',
  );
}
