import type { Rule } from './rule.ts';

const server = 'apps/auth-server/src';
const authentication = `${server}/oauth/client-authentication/client-authentication.ts`;
const credentials = `${server}/oauth/client-authentication/client-credentials.ts`;
const formParameters = `${server}/oauth/form-parameters.ts`;
const tokenRequest = `${server}/oauth/token/token-request.ts`;
const grant = `${server}/oauth/token/client-credentials.grant.ts`;
const errorFilter = `${server}/oauth/oauth-error.filter.ts`;
const oauthError = 'libs/oauth-protocol/src/oauth-error.ts';
const issuer = 'libs/access-token/src/access-token-issuer.ts';
const signingKeys = `${server}/signing-keys/signing-keys.ts`;
const newSigningKey = `${server}/signing-keys/create-signing-key.ts`;

export const authorizationServer: readonly Rule[] = [
  {
    name: 'post-only',
    section: 'RFC 6749 §3.2',
    text: 'The token endpoint takes `POST` and no other method.',
    files: [`${server}/oauth/token/token.controller.ts`, 'libs/service-defaults/src/allowed-methods.ts'],
  },
  {
    name: 'form-encoding-only',
    section: 'RFC 6749 §3.2',
    text: 'The OAuth endpoints take form-encoded bodies alone.',
    files: [`${server}/auth-server.ts`],
  },
  {
    name: 'form-parameters',
    section: 'RFC 6749 §3.2',
    text: 'A form is read to the parameters that were put into it, whatever text they hold.',
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
    text: 'Parameters that are not known are ignored.',
    files: [tokenRequest],
  },
  {
    name: 'no-query-parameters',
    section: 'RFC 6749 §3.2',
    text: 'Parameters are taken from the body alone, never from the query.',
    files: [formParameters],
  },
  {
    name: 'client-secret-methods',
    section: 'RFC 6749 §2.3.1',
    text: 'A client authenticates with its secret in the `Authorization` header, or in the body.',
    files: [credentials],
  },
  {
    name: 'one-authentication-method',
    section: 'RFC 6749 §2.3',
    text: 'More than one client authentication method in a request is refused, as is a `client_id` of another client.',
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
    text: 'Client assertions are not offered, and a request with one is refused.',
    files: [credentials, `${server}/oauth/metadata/metadata.controller.ts`],
  },
  {
    name: 'invalid-client-answer',
    section: 'RFC 6749 §5.2',
    text: 'Failed client authentication is answered with `401`, `invalid_client` and a challenge for Basic, the one scheme.',
    files: [errorFilter],
  },
  {
    name: 'same-answer',
    section: 'RFC 6749 §5.2',
    text: 'An unknown client, a wrong or expired secret and a disabled client get the same status and the same words.',
    files: [authentication],
  },
  {
    name: 'same-work',
    section: 'Lanyard',
    text: 'And they cost the same work: one digest, compared with digests.',
    files: [authentication, `${server}/registry/client-secret.ts`],
  },
  {
    name: 'throttled-failures',
    section: 'RFC 6749 §2.3.1',
    text: 'Guessing is throttled, for each client and for each address.',
    files: [`${server}/throttling/failure-throttle.ts`],
  },
  {
    name: 'no-lock-out',
    section: 'Lanyard',
    text: 'Nobody can lock a client out by failing in its name.',
    files: [`${server}/throttling/failure-throttle.ts`],
  },
  {
    name: 'client-quota',
    section: 'Lanyard',
    text: 'A client obtains no more tokens in a while than its quota allows.',
    files: [`${server}/throttling/client-quotas.ts`, `${server}/throttling/client-quota.ts`],
  },
  {
    name: 'every-quota',
    section: 'Lanyard',
    text: 'Every client has a quota at every endpoint at which clients authenticate.',
    files: [`${server}/oauth/quota.guard.ts`, `${server}/throttling/client-quotas.ts`],
  },
  {
    name: 'delayed-lists',
    section: 'Lanyard',
    text: 'A list of revocations beyond the quota comes a second later; it is refused only if a thousand requests of the client wait already.',
    files: [`${server}/throttling/delayed-requests.ts`, `${server}/oauth/quota.guard.ts`],
  },
  {
    name: 'waiting-places',
    section: 'Lanyard',
    text: 'A caller that waits for news as often as it may leaves places to others.',
    files: [`${server}/replicas/waiting-requests.ts`],
  },
  {
    name: 'few-signatures',
    section: 'Lanyard',
    text: 'How many lists of revocations are signed does not depend on the cursors that are asked for.',
    files: [`${server}/revoked-tokens/revocation-lists.ts`, `${server}/revoked-tokens/revocation-state.ts`],
  },
  {
    name: 'no-store',
    section: 'RFC 6749 §5.1',
    text: '`Cache-Control: no-store` is on every answer of the OAuth endpoints and of administration, errors included.',
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
    text: 'The access token response says which scope was granted, always.',
    files: [`${server}/oauth/token/token.controller.ts`],
  },
  {
    name: 'only-client-credentials',
    section: 'RFC 9700 §2.4',
    text: 'The password grant and every other but client credentials get `unsupported_grant_type`.',
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
    text: 'A scope is values of the allowed characters with single spaces between; anything else is refused.',
    files: ['libs/oauth-protocol/src/scope.ts'],
  },
  {
    name: 'scope-not-widened',
    section: 'RFC 6749 §3.3',
    text: 'No request obtains more scope than the client was registered with.',
    files: [grant],
  },
  {
    name: 'default-scope',
    section: 'RFC 6749 §3.3',
    text: "Where no scope is asked for, the client's default scope is granted, or the request is refused.",
    files: [grant],
  },
  {
    name: 'error-description-characters',
    section: 'RFC 6749 §5.2',
    text: 'Error descriptions hold the allowed characters alone.',
    files: [oauthError],
  },
  {
    name: 'errors-repeat-nothing',
    section: 'Lanyard',
    text: 'The errors of the OAuth endpoints repeat nothing of what was sent, and say nothing that is for the log.',
    files: [oauthError, errorFilter],
  },
  {
    name: 'access-token-claims',
    section: 'RFC 9068 §2',
    text: 'An access token has `typ` `at+jwt`, and `iss`, `exp`, `aud`, `sub`, `client_id`, `iat` and `jti`.',
    files: [issuer],
  },
  {
    name: 'audience-restriction',
    section: 'RFC 9700 §2.3',
    text: 'An access token is good at one protected resource.',
    files: [grant],
  },
  {
    name: 'scope-of-one-resource',
    section: 'RFC 9068 §3',
    text: 'A scope that spans several resources is refused, since the audience would say too much.',
    files: [grant],
  },
  {
    name: 'issuer-is-its-address',
    section: 'RFC 8414 §3.3',
    text: 'The `issuer` in the metadata equals the address from which they were fetched, or they are refused.',
    files: [`${server}/oauth/metadata/metadata.controller.ts`, 'libs/token-client/src/issuer-connection.ts'],
  },
  {
    name: 'public-members-alone',
    section: 'RFC 7517 §5',
    text: 'The JWK Set has the public members of the keys alone.',
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
    text: 'Each key in the JWK Set says its one `alg`.',
    files: [newSigningKey],
  },
  {
    name: 'authenticated-introspection',
    section: 'RFC 7662 §2.1',
    text: 'Introspection is for resource servers that authenticate.',
    files: [`${server}/oauth/introspection/introspection.controller.ts`],
  },
  {
    name: 'inactive-says-nothing',
    section: 'RFC 7662 §2.2',
    text: 'A token that is not active is answered with `{"active":false}`, whatever the reason.',
    files: [`${server}/oauth/introspection/introspection.ts`],
  },
  {
    name: 'introspection-of-own-tokens',
    section: 'RFC 7662 §4',
    text: 'A resource server is told of tokens that are meant for it alone.',
    files: [`${server}/oauth/introspection/introspection.ts`],
  },
  {
    name: 'authenticated-revocation',
    section: 'RFC 7009 §2.1',
    text: 'Revocation is for clients that authenticate.',
    files: [`${server}/oauth/revocation/revocation.controller.ts`],
  },
  {
    name: 'own-tokens-only',
    section: 'RFC 7009 §2',
    text: 'A client revokes its own tokens and no others.',
    files: [`${server}/oauth/revocation/revocation.controller.ts`],
  },
  {
    name: 'unknown-token-is-no-error',
    section: 'RFC 7009 §2.2',
    text: 'The revocation of a token that is unknown or not valid is answered with `200`.',
    files: [`${server}/oauth/revocation/revocation.controller.ts`],
  },
  {
    name: 'client-identifier-syntax',
    section: 'RFC 9700 §4.15',
    text: 'A client identifier is a letter, then up to 127 letters, digits, `.`, `_` or `-`: nothing else can be taken for one.',
    files: ['libs/oauth-protocol/src/client-identifier.ts', 'libs/administration/src/client.ts'],
  },
  {
    name: 'own-administrative-scopes',
    section: 'Lanyard',
    text: 'An administrative scope is given, and a client that has it changed or its tokens revoked, only by those who have it.',
    files: [`${server}/administration/administrative-scopes.ts`],
  },
  {
    name: 'current-rights',
    section: 'Lanyard',
    text: 'What an administrator may do is decided by their token and by the registry, in the transaction of the act.',
    files: [`${server}/administration/administrate.ts`],
  },
  {
    name: 'lost-rights',
    section: 'Lanyard',
    text: 'Removing a secret revokes the access tokens obtained with it, and losing an administrative scope those of the client.',
    files: [`${server}/revoked-tokens/revoke.ts`, `${server}/administration/administrative-scopes.ts`],
  },
  {
    name: 'reserved-identifiers',
    section: 'Lanyard',
    text: 'No resource and no client can have an identifier of the authorization server itself, and a row that has one has no effect.',
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
    text: 'A request that comes again with its `Idempotency-Key` gets the same answer, and another request is refused.',
    files: [`${server}/administration/idempotency.ts`, 'apps/jobs-api/src/jobs/jobs.service.ts'],
  },
];
