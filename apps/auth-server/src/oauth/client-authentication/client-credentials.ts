import { OAuthError } from '@lanyard/oauth-protocol';
import type { FormParameters } from '../form-parameters.ts';

/** The credentials that a client presented. */
export interface ClientCredentials {
  clientId: string;
  clientSecret: string;
}

/** One message for every cause, so that callers cannot probe for client ids. */
export const invalidClient = (cause: string): OAuthError =>
  new OAuthError('invalid_client', 'client authentication failed', { cause });

/**
 * Reads the credentials by the one method that the request uses: client_secret_basic or client_secret_post, RFC 6749
 * section 2.3.1. More than one is refused, RFC 6749 section 2.3.
 */
export function parseClientCredentials(authorization: string | undefined, form: FormParameters): ClientCredentials {
  const postedId = form.get('client_id');
  const postedSecret = form.get('client_secret');
  if (form.has('client_assertion')) throw invalidClient('client assertions are not supported');
  if (authorization === undefined) {
    if (!postedId) throw invalidClient('no client authentication in the request');
    if (!postedSecret) throw invalidClient('no client secret in the request');
    return { clientId: postedId, clientSecret: postedSecret };
  }
  if (postedSecret) throw new OAuthError('invalid_request', 'more than one client authentication method was used');
  const credentials = parseBasic(authorization);
  if (postedId !== undefined && postedId !== credentials.clientId) {
    throw new OAuthError('invalid_request', 'client_id differs from the authenticated client');
  }
  return credentials;
}

/** RFC 7617 section 2; identifier and secret are form-encoded inside, RFC 6749 section 2.3.1. */
function parseBasic(authorization: string): ClientCredentials {
  const encoded = /^basic +([A-Za-z0-9+/_-]+=*)$/i.exec(authorization)?.[1];
  if (!encoded) throw invalidClient('the Authorization header is not of the Basic scheme');
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  if (colon < 1) throw invalidClient('the Basic credentials have no client identifier');
  return { clientId: formDecode(pair.slice(0, colon)), clientSecret: formDecode(pair.slice(colon + 1)) };
}

function formDecode(text: string): string {
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw invalidClient('the Basic credentials are not form-encoded');
  }
}
