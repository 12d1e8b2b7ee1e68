import { basicCredentials } from '@lanyard/oauth-protocol';
import type { ClientAuth } from 'oauth4webapi';

/** Client authentication, RFC 6749 section 2.3.1. oauth4webapi's own encodes unreserved characters too. */
export const clientSecretBasic =
  (clientSecret: string): ClientAuth =>
  (_server, { client_id: clientId }, _body, headers) =>
    headers.set('authorization', basicCredentials(clientId, clientSecret));
