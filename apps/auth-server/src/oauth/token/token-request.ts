import { OAuthError, parseScope } from '@lanyard/oauth-protocol';
import type { FormParameters } from '../form-parameters.ts';

/** An access token request of the client credentials grant, RFC 6749 section 4.4.2, with RFC 8707's `resource`. */
export interface TokenRequest {
  scope?: ReadonlySet<string>;
  resource?: string;
}

/** @throws {OAuthError} */
export function parseTokenRequest(form: FormParameters): TokenRequest {
  requireGrantType(form.get('grant_type'));
  return { scope: scopeOf(form.get('scope')), resource: resourceOf(form.get('resource')) };
}

function requireGrantType(grantType: string | undefined): void {
  if (!grantType) throw new OAuthError('invalid_request', 'grant_type is missing');
  if (grantType !== 'client_credentials') {
    throw new OAuthError('unsupported_grant_type', 'only client_credentials is supported');
  }
}

/** @throws {OAuthError}  if it is malformed, RFC 6749 section 3.3 */
export function scopeOf(text: string | undefined): ReadonlySet<string> | undefined {
  if (text === undefined) return undefined;
  const scope = parseScope(text);
  if (!scope) throw new OAuthError('invalid_scope', 'the scope is malformed');
  return scope;
}

/** An absolute URI without a fragment, RFC 8707 section 2. */
export function resourceOf(text: string | undefined): string | undefined {
  if (text !== undefined && (!URL.canParse(text) || text.includes('#'))) {
    throw new OAuthError('invalid_target', 'the resource must be an absolute URI without a fragment');
  }
  return text;
}
