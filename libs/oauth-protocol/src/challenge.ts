import { errorDescription, type OAuthErrorCode } from './oauth-error.ts';

/** The parameters of a Bearer challenge, RFC 6750 section 3, with `resource_metadata` of RFC 9728 section 5.1. */
export interface BearerChallenge {
  realm?: string;
  error?: OAuthErrorCode;
  error_description?: string;
  scope?: string;
  resource_metadata?: string;
}

/** The value of `WWW-Authenticate` for a scheme and its parameters, RFC 9110 section 11.6.1. */
export function formatChallenge(scheme: 'Basic' | 'Bearer', parameters: BearerChallenge): string {
  const list = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${errorDescription(String(value))}"`);
  return list.length === 0 ? scheme : `${scheme} ${list.join(', ')}`;
}
