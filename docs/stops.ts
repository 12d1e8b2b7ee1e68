/** A function that one request passes on its way from Service A to the handler of Service B. */
export interface Stop {
  /** from the root of the repository */
  readonly file: string;
  /** as it is written where it is defined, without its class */
  readonly name: string;
  /** its class, where it is a method */
  readonly of?: string;
  /** what it does, a sentence without its subject */
  readonly does: string;
  readonly section: string;
  /** an expression over its parameters, where other requests pass it too */
  readonly when?: string;
}

const [tokenClient, authServer, resourceServer, accessToken] = [
  'libs/token-client/src',
  'apps/auth-server/src/oauth',
  'libs/resource-server/src',
  'libs/access-token/src',
];

/** The challenge in twelve stops, in the order of one request. */
export const stops: readonly Stop[] = [
  {
    file: `${tokenClient}/token-cache.ts`,
    of: 'TokenCache',
    name: 'get',
    does: 'returns the token in memory while it is fresh, and requests a new one otherwise',
    section: 'RFC 6749 §5.1',
  },
  {
    file: `${tokenClient}/token-endpoint.ts`,
    of: 'TokenEndpoint',
    name: 'send',
    does: 'sends the token request, with the client id and secret',
    section: 'RFC 6749 §4.4.2',
  },
  {
    file: `${authServer}/form-parameters.ts`,
    name: 'parseForm',
    does: 'reads the form, and refuses a parameter that is repeated',
    section: 'RFC 6749 §3.2',
  },
  {
    file: `${authServer}/client-authentication/client-authentication.ts`,
    of: 'ClientAuthentication',
    name: 'authenticate',
    does: 'finds the client and compares its secret',
    section: 'RFC 6749 §2.3',
    when: "request.url === '/oauth/token'",
  },
  {
    file: `${authServer}/token/token.controller.ts`,
    of: 'TokenController',
    name: 'issue',
    does: 'handles the token endpoint: parses the request, has the token issued, answers',
    section: 'RFC 6749 §5.1',
  },
  {
    file: `${authServer}/token/token-request.ts`,
    name: 'parseTokenRequest',
    does: 'checks the grant type, and parses scope and resource',
    section: 'RFC 6749 §4.4.2, RFC 8707 §2',
  },
  {
    file: `${authServer}/token/client-credentials.grant.ts`,
    of: 'ClientCredentialsGrant',
    name: 'issue',
    does: 'checks that the client may have the requested scope, and finds the audience',
    section: 'RFC 6749 §3.3',
  },
  {
    file: `${accessToken}/access-token-issuer.ts`,
    name: 'issueAccessToken',
    does: 'issues and signs the token, a JWT',
    section: 'RFC 9068 §2',
  },
  {
    file: `${tokenClient}/bearer-fetch.ts`,
    name: 'sendWithToken',
    does: 'sends the request to Service B, with the token in its Authorization header',
    section: 'RFC 6750 §2.1',
  },
  {
    file: `${resourceServer}/guard/access-token.guard.ts`,
    of: 'AccessTokenGuard',
    name: 'requireScopes',
    does: 'has the token validated (next stop), then checks that its scope covers the route',
    section: 'RFC 6750 §3.1',
  },
  {
    file: `${accessToken}/access-token-validator.ts`,
    name: 'validateAccessToken',
    does: 'validates type, issuer, audience, expiry and signature',
    section: 'RFC 9068 §4',
  },
  {
    file: 'apps/jobs-api/src/leases/leases.controller.ts',
    of: 'LeasesController',
    name: 'claim',
    does: 'handles the request in Service B: gives the jobs to Service A',
    section: '',
  },
];

/** The line, from 0, at which a function or method of this name begins. */
export function lineOf(text: string, name: string): number | undefined {
  const modifiers = '(?: {2}| {4})?(?:export )?(?:private |public )?(?:async )?(?:function )?';
  const definition = new RegExp(`^${modifiers}${name}(?:<.*>)?\\((?!.*;$)`);
  const line = text.split('\n').findIndex((one) => definition.test(one));
  return line === -1 ? undefined : line;
}
