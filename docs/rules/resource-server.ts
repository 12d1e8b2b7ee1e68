import type { Rule } from './rule.ts';

const library = 'libs/resource-server/src';
const guard = `${library}/guard/access-token.guard.ts`;
const refusals = `${library}/guard/bearer-exception.ts`;
const validator = 'libs/access-token/src/access-token-validator.ts';

export const resourceServer: readonly Rule[] = [
  {
    name: 'header-only',
    section: 'RFC 6750 §5.3',
    text: 'An access token is read only from the `Authorization` header; a token in the query, or an additional one in the body, is refused.',
    files: [guard],
  },
  {
    name: 'token-before-body',
    section: 'Lanyard',
    text: 'A guarded route checks the access token before it reads a byte of the body, and the body of a refused request stays unread.',
    files: [`${library}/guard/guard-before-body.ts`, 'libs/service-defaults/src/limits/unread-bodies.ts'],
  },
  {
    name: 'scheme-in-any-case',
    section: 'RFC 9110 §11.1',
    text: 'The scheme may be written in any case.',
    files: [`${library}/guard/bearer.strategy.ts`],
  },
  {
    name: 'challenge-syntax',
    section: 'RFC 6750 §3',
    text: 'A challenge is well-formed, whatever its parameters contain.',
    files: ['libs/oauth-protocol/src/challenge.ts'],
  },
  {
    name: 'no-error-without-credentials',
    section: 'RFC 6750 §3.1',
    text: 'A request without credentials gets a challenge without an error code.',
    files: [guard, refusals],
  },
  {
    name: 'malformed-request',
    section: 'RFC 6750 §3.1',
    text: 'A malformed request gets `400` and `invalid_request`.',
    files: [guard, refusals],
  },
  {
    name: 'invalid-token',
    section: 'RFC 6750 §3.1',
    text: 'A token that is not valid gets `401` and `invalid_token`.',
    files: [guard, refusals],
  },
  {
    name: 'insufficient-scope',
    section: 'RFC 6750 §3.1',
    text: 'A token without the required scope gets `403`, `insufficient_scope` and the required `scope`.',
    files: [guard, refusals],
  },
  {
    name: 'declared-access',
    section: 'Lanyard',
    text: 'A route that declares no access rule refuses every request.',
    files: [guard, `${library}/access/access-rules.ts`],
  },
  {
    name: 'token-validation',
    section: 'RFC 9068 §4',
    text: 'Validation covers the whole token: type, issuer, audience, times, signature, and the form of its claims.',
    files: [validator],
  },
  {
    name: 'explicit-type',
    section: 'RFC 9068 §4',
    text: '`typ` must be `at+jwt`; `JWT` is accepted only by a resource server that is configured to.',
    files: [validator],
  },
  {
    name: 'several-resources',
    section: 'RFC 8707 §2',
    text: 'A service may be several protected resources: a token for one is refused at the routes of another.',
    files: ['libs/resource-server/src/guard/access-token.guard.ts', 'libs/resource-server/src/access/for-resource.ts'],
  },
  {
    name: 'forward-auth',
    section: 'Lanyard',
    text: 'forward-auth admits a request if its token satisfies the rule, and refuses all others with 401 or 403, which proxies pass on.',
    files: ['apps/forward-auth/src/rule.controller.ts', 'apps/forward-auth/src/refusal.filter.ts'],
  },
  {
    name: 'forward-auth-rules',
    section: 'Lanyard',
    text: 'The rules of forward-auth are lines of text; a wrong line is named at start.',
    files: ['apps/forward-auth/src/rules.ts'],
  },
  {
    name: 'forward-auth-headers',
    section: 'Lanyard',
    text: 'No header, path or query of a client changes the rule that its request must satisfy, or what the service behind the proxy learns of the token.',
    files: ['apps/forward-auth/src/rule.controller.ts'],
  },
  {
    name: 'issuer',
    section: 'RFC 9068 §4',
    text: '`iss` must be the issuer, character by character.',
    files: [validator],
  },
  {
    name: 'audience',
    section: 'RFC 9068 §4',
    text: '`aud` must name the protected resource.',
    files: [validator],
  },
  {
    name: 'token-times',
    section: 'RFC 7519 §4.1',
    text: '`exp` must be present and in the future, and `nbf` must not be in the future; clocks may differ by seconds.',
    files: [validator, 'libs/access-token/src/remembering-validator.ts'],
  },
  {
    name: 'signature',
    section: 'RFC 7518 §3.4',
    text: 'Tokens are signed with ES256, and a token with a wrong signature is refused.',
    files: ['libs/access-token/src/signature.ts', validator],
  },
  {
    name: 'revoked-token',
    section: 'RFC 7009 §2',
    text: 'Every resource server refuses a revoked token, within a second while it receives the revocation list.',
    files: [`${library}/revocations/revocation-client.ts`, 'libs/access-token/src/revoked-tokens.ts'],
  },
  {
    name: 'scope-comes-last',
    section: 'RFC 9068 §4',
    text: 'The scope is checked only after everything else is valid, revocation included.',
    files: [guard, `${library}/guard/bearer.strategy.ts`],
  },
  {
    name: 'algorithm-allow-list',
    section: 'RFC 8725 §3.1',
    text: 'Algorithms come from an allow-list that cannot contain `none` or HMAC.',
    files: [validator],
  },
  {
    name: 'key-per-algorithm',
    section: 'RFC 8725 §3.1',
    text: 'A key is used only with its own algorithm.',
    files: [validator],
  },
  {
    name: 'header-keys-ignored',
    section: 'RFC 8725 §3.10',
    text: 'Keys that a token contains or points to (`jku`, `jwk`, `x5u`, `x5c`) are ignored.',
    files: [validator],
  },
  {
    name: 'kid-only-compared',
    section: 'RFC 8725 §3.10',
    text: 'A `kid` is only compared with those of the JWK Set, and never becomes part of a path, a query or an address.',
    files: [validator, `${library}/keys/remote-keys.ts`],
  },
  {
    name: 'critical-headers',
    section: 'RFC 7515 §4.1.11',
    text: 'A token with an unknown critical header is refused.',
    files: [validator],
  },
  {
    name: 'other-token-types',
    section: 'RFC 8725 §3.12',
    text: 'Other JWTs of the same issuer are not accepted as access tokens, and an access token is not accepted as one of them.',
    files: [validator, 'libs/access-token/src/revocation-list.ts'],
  },
  {
    name: 'revocation-list-validation',
    section: 'RFC 8725 §3.11',
    text: 'A revocation list is accepted only if its type, issuer, times, signature and form are valid.',
    files: ['libs/access-token/src/revocation-list.ts'],
  },
  {
    name: 'newer-stays',
    section: 'Lanyard',
    text: 'A revocation list that is older than an earlier one adds its entries, but does not make the list current.',
    files: [`${library}/revocations/revocation-client.ts`, `${library}/revocations/revocation-list-follower.ts`],
    decision: 'docs/decisions/0013-revocation-by-membership.md',
  },
  {
    name: 'usable-keys',
    section: 'Lanyard',
    text: 'A JWK Set without a usable key leaves the current keys in place.',
    files: [`${library}/keys/remote-keys.ts`, 'libs/access-token/src/issuer-key.ts'],
  },
  {
    name: 'broken-key',
    section: 'Lanyard',
    text: 'A token whose key is broken is refused as invalid.',
    files: ['libs/access-token/src/issuer-key.ts', validator],
  },
  {
    name: 'sliced-work',
    section: 'Lanyard',
    text: 'Any number of revocations is applied and dropped in small batches.',
    files: ['libs/access-token/src/revoked-tokens.ts', 'apps/auth-server/src/revoked-tokens/revocation-state.ts'],
  },
  {
    name: 'unknown-kid-cooldown',
    section: 'Lanyard',
    text: 'Tokens with unknown keys cause at most one fetch of keys per cooldown, even if it fails.',
    files: [`${library}/keys/remote-keys.ts`, 'apps/auth-server/src/revoked-tokens/issued-tokens.ts'],
  },
];
