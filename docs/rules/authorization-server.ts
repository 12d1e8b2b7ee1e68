import type { Rule } from './rule.ts';

const server = 'apps/auth-server/src';
const authentication = `${server}/oauth/client-authentication/client-authentication.ts`;
const credentials = `${server}/oauth/client-authentication/client-credentials.ts`;
const formParameters = `${server}/oauth/form-parameters.ts`;
const tokenRequest = `${server}/oauth/token/token-request.ts`;
const grant = `${server}/oauth/token/client-credentials.grant.ts`;
const errorFilter = `${server}/oauth/oauth-error.filter.ts`;
const clientIdentifier = 'libs/administration/src/client-identifier.ts';
const oauthError = 'libs/oauth-protocol/src/oauth-error.ts';
const issuer = 'libs/access-token/src/access-token-issuer.ts';
const signingKeys = `${server}/signing-keys/signing-keys.ts`;
const newSigningKey = `${server}/signing-keys/create-signing-key.ts`;

export const authorizationServer: readonly Rule[] = [
  {
    name: 'post-only',
    section: 'RFC 6749 §3.2',
    text: 'The token endpoint accepts only `POST`.',
    files: [`${server}/oauth/token/token.controller.ts`, 'libs/service-defaults/src/allowed-methods.ts'],
  },
  {
    name: 'form-encoding-only',
    section: 'RFC 6749 §3.2',
    text: 'The OAuth endpoints accept only form-encoded bodies.',
    files: [`${server}/auth-server.ts`],
  },
  {
    name: 'form-parameters',
    section: 'RFC 6749 §3.2',
    text: 'Parsing a form yields the parameters that were encoded in it, whatever text they contain.',
    files: [formParameters],
  },
  {
    name: 'repeated-parameter',
    section: 'RFC 6749 §3.2',
    text: 'A parameter that is sent twice is refused.',
    files: [formParameters],
  },
  {
    name: 'empty-parameter',
    section: 'RFC 6749 §3.2',
    text: 'A parameter without a value counts as omitted.',
    files: [formParameters],
  },
  {
    name: 'unknown-parameter',
    section: 'RFC 6749 §3.2',
    text: 'Unknown parameters are ignored.',
    files: [tokenRequest],
  },
  {
    name: 'no-query-parameters',
    section: 'RFC 6749 §3.2',
    text: 'Parameters are read only from the body, never from the query.',
    files: [formParameters],
  },
  {
    name: 'client-secret-methods',
    section: 'RFC 6749 §2.3.1',
    text: 'A client authenticates with its secret in the `Authorization` header or in the body.',
    files: [credentials],
  },
  {
    name: 'one-authentication-method',
    section: 'RFC 6749 §2.3',
    text: 'A request with more than one client authentication method, or with the `client_id` of another client, is refused.',
    files: [credentials],
  },
  {
    name: 'basic-form-decoding',
    section: 'RFC 6749 §2.3.1',
    text: 'Client identifier and secret are form-encoded within Basic, and decoded before they are compared.',
    files: [credentials, 'libs/oauth-protocol/src/basic-credentials.ts'],
  },
  {
    name: 'no-assertions',
    section: 'RFC 7523 §3',
    text: 'Client assertions are not supported, and a request with one is refused.',
    files: [credentials, `${server}/oauth/metadata/metadata.controller.ts`],
  },
  {
    name: 'invalid-client-answer',
    section: 'RFC 6749 §5.2',
    text: 'The answer to failed client authentication is `401`, `invalid_client` and a challenge for Basic, the only scheme.',
    files: [errorFilter],
  },
  {
    name: 'same-answer',
    section: 'RFC 6749 §5.2',
    text: 'An unknown client, a wrong or expired secret and a disabled client get the same answer.',
    files: [authentication],
  },
  {
    name: 'same-work',
    section: 'Lanyard',
    text: 'An unknown client, a wrong or expired secret and a disabled client cost the same work: one digest, compared with digests.',
    files: [authentication, `${server}/registry/client-secret.ts`],
  },
  {
    name: 'throttled-failures',
    section: 'RFC 6749 §2.3.1',
    text: 'Guessing is throttled, per client and address and per address.',
    files: [`${server}/throttling/failure-throttle.ts`],
  },
  {
    name: 'no-lock-out',
    section: 'Lanyard',
    text: 'An attacker cannot lock a client out by failing to authenticate as that client.',
    files: [`${server}/throttling/failure-throttle.ts`],
  },
  {
    name: 'client-quota',
    section: 'Lanyard',
    text: 'A client cannot obtain more tokens in a period than its quota allows.',
    files: [`${server}/throttling/client-quotas.ts`, `${server}/throttling/client-quota.ts`],
  },
  {
    name: 'every-quota',
    section: 'Lanyard',
    text: 'Every client has a quota at every endpoint where clients authenticate.',
    files: [`${server}/oauth/quota.guard.ts`, `${server}/throttling/client-quotas.ts`],
  },
  {
    name: 'delayed-lists',
    section: 'Lanyard',
    text: 'A revocation list over the quota is delayed by a second; it is refused only if a thousand requests of the client already wait.',
    files: [`${server}/throttling/delayed-requests.ts`, `${server}/oauth/quota.guard.ts`],
  },
  {
    name: 'waiting-places',
    section: 'Lanyard',
    text: 'A caller that uses all its places for waiting requests leaves places for other callers.',
    files: [`${server}/replicas/waiting-requests.ts`],
  },
  {
    name: 'few-signatures',
    section: 'Lanyard',
    text: 'The number of signed revocation lists does not depend on the requested cursors.',
    files: [`${server}/revoked-tokens/revocation-lists.ts`, `${server}/revoked-tokens/revocation-state.ts`],
  },
  {
    name: 'no-store',
    section: 'RFC 6749 §5.1',
    text: 'Every answer of the OAuth endpoints and of administration has `Cache-Control: no-store`, errors included.',
    files: [`${server}/auth-server.ts`],
  },
  {
    name: 'no-refresh-token',
    section: 'RFC 6749 §4.4.3',
    text: 'No refresh token is issued.',
    files: [`${server}/oauth/token/token.controller.ts`],
  },
  {
    name: 'scope-in-response',
    section: 'RFC 6749 §5.1',
    text: 'The access token response always contains the granted scope.',
    files: [`${server}/oauth/token/token.controller.ts`],
  },
  {
    name: 'only-client-credentials',
    section: 'RFC 9700 §2.4',
    text: 'Every grant type except client credentials gets `unsupported_grant_type`, the password grant included.',
    files: [tokenRequest],
  },
  {
    name: 'unauthorized-client',
    section: 'RFC 6749 §5.2',
    text: 'A client without the grant type gets `unauthorized_client`.',
    files: [grant],
  },
  {
    name: 'scope-syntax',
    section: 'RFC 6749 §3.3',
    text: 'A scope consists of values with the allowed characters, separated by single spaces; anything else is refused.',
    files: ['libs/oauth-protocol/src/scope.ts'],
  },
  {
    name: 'scope-not-widened',
    section: 'RFC 6749 §3.3',
    text: 'No request obtains a scope value that the client is not registered for.',
    files: [grant],
  },
  {
    name: 'default-scope',
    section: 'RFC 6749 §3.3',
    text: "A request without a scope gets the client's default scope, or is refused.",
    files: [grant],
  },
  {
    name: 'error-description-characters',
    section: 'RFC 6749 §5.2',
    text: 'Error descriptions contain only the allowed characters.',
    files: [oauthError],
  },
  {
    name: 'errors-repeat-nothing',
    section: 'Lanyard',
    text: 'The errors of the OAuth endpoints repeat nothing from the request, and contain nothing that is meant for the log.',
    files: [oauthError, errorFilter],
  },
  {
    name: 'access-token-claims',
    section: 'RFC 9068 §2',
    text: 'An access token has the `typ` `at+jwt`, and the claims `iss`, `exp`, `aud`, `sub`, `client_id`, `iat` and `jti`.',
    files: [issuer],
  },
  {
    name: 'audience-restriction',
    section: 'RFC 9700 §2.3',
    text: 'An access token is valid at only one protected resource.',
    files: [grant],
  },
  {
    name: 'scope-of-one-resource',
    section: 'RFC 9068 §3',
    text: 'A scope that spans several resources is refused, since the audience would be too wide.',
    files: [grant],
  },
  {
    name: 'access-token-lifetime',
    section: 'Lanyard',
    text: 'An access token lives for the shortest time that the server, its client and its protected resource allow.',
    files: [grant],
  },
  {
    name: 'access-token-typ',
    section: 'Lanyard',
    text: 'A protected resource may have access tokens of the type `JWT`, which are introspected and revoked like others; the diagnosis warns of it.',
    files: [grant, `${server}/administration/diagnosis/diagnosis.ts`],
  },
  {
    name: 'issuer-is-its-address',
    section: 'RFC 8414 §3.3',
    text: 'Metadata is refused unless its `issuer` equals the expected one, character by character; the server accepts only one spelling of it.',
    files: [`${server}/oauth/metadata/metadata.controller.ts`, 'libs/token-client/src/issuer-connection.ts'],
  },
  {
    name: 'public-members-only',
    section: 'RFC 7517 §5',
    text: 'The JWK Set contains only the public members of the keys.',
    files: [signingKeys, newSigningKey],
  },
  {
    name: 'distinct-key-ids',
    section: 'RFC 7517 §4.5',
    text: 'No two keys in the JWK Set have the same `kid`.',
    files: [newSigningKey, `${server}/signing-keys/signing-key.entity.ts`],
  },
  {
    name: 'published-algorithm',
    section: 'RFC 7517 §4.4',
    text: 'Each key in the JWK Set names its only `alg`.',
    files: [newSigningKey],
  },
  {
    name: 'authenticated-introspection',
    section: 'RFC 7662 §2.1',
    text: 'Introspection requires an authenticated resource server.',
    files: [`${server}/oauth/introspection/introspection.controller.ts`],
  },
  {
    name: 'inactive-says-nothing',
    section: 'RFC 7662 §2.2',
    text: 'The answer for a token that is not active is `{"active":false}`, whatever the reason.',
    files: [`${server}/oauth/introspection/introspection.ts`],
  },
  {
    name: 'introspection-of-own-tokens',
    section: 'RFC 7662 §4',
    text: 'A resource server can introspect only tokens that are meant for it.',
    files: [`${server}/oauth/introspection/introspection.ts`],
  },
  {
    name: 'authenticated-revocation',
    section: 'RFC 7009 §2.1',
    text: 'Revocation requires client authentication.',
    files: [`${server}/oauth/revocation/revocation.controller.ts`],
  },
  {
    name: 'own-tokens-only',
    section: 'RFC 7009 §2',
    text: 'A client can revoke only its own tokens.',
    files: [`${server}/oauth/revocation/revocation.controller.ts`],
  },
  {
    name: 'unknown-token-is-no-error',
    section: 'RFC 7009 §2.2',
    text: 'The answer to the revocation of an unknown or invalid token is `200`.',
    files: [`${server}/oauth/revocation/revocation.controller.ts`],
  },
  {
    name: 'client-identifier-syntax',
    section: 'RFC 6749 §A.1',
    text: 'A client identifier has 1 to 255 visible ASCII characters, and goes unchanged through every route and command line.',
    files: [clientIdentifier],
  },
  {
    name: 'client-identifier-confusion',
    section: 'RFC 9700 §4.15',
    text: 'A client identifier cannot be mistaken for a path segment, a secret, or the server itself; the error says why it is refused.',
    files: [clientIdentifier, 'libs/administration/src/protected-resource.ts'],
  },
  {
    name: 'replica-broadcast',
    section: 'Lanyard',
    text: 'Replicas publish what they counted to each other, whatever the client identifiers: no notification is too long for Postgres.',
    files: [`${server}/replicas/replica-broadcast.ts`],
  },
  {
    name: 'client-folders',
    section: 'Lanyard',
    text: 'Each client has a folder of its own, named by its escaped identifier.',
    files: [clientIdentifier],
  },
  {
    name: 'own-administrative-scopes',
    section: 'Lanyard',
    text: 'Only administrators who have an administrative scope can grant it, change a client that has it, or revoke its tokens.',
    files: [`${server}/administration/administrative-scopes.ts`],
  },
  {
    name: 'current-rights',
    section: 'Lanyard',
    text: 'The token and the registry determine what an administrator may do, in the transaction of the change.',
    files: [`${server}/administration/administrate.ts`],
  },
  {
    name: 'lost-rights',
    section: 'Lanyard',
    text: 'Removing a secret revokes the access tokens obtained with it; losing an administrative scope revokes all tokens of the client.',
    files: [`${server}/revoked-tokens/revoke.ts`, `${server}/administration/administrative-scopes.ts`],
  },
  {
    name: 'reserved-identifiers',
    section: 'Lanyard',
    text: 'No resource and no client can have an identifier of the authorization server itself; a row with one has no effect.',
    files: [
      'libs/administration/src/protected-resource.ts',
      `${server}/registry/client-registry.ts`,
      `${server}/registry/protected-resources.ts`,
      `${server}/registry/reserved-identifiers.ts`,
      `${server}/migration/provision.ts`,
    ],
  },
  {
    name: 'idempotent-replay',
    section: 'Lanyard',
    text: 'A repeated request with the same `Idempotency-Key` gets the same answer; a different request with that key is refused.',
    files: [`${server}/administration/idempotency.ts`, 'apps/jobs-api/src/jobs/jobs.ts'],
  },
];
