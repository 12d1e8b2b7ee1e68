import type { Rule } from './rule.ts';

const library = 'libs/resource-server/src';
const guard = `${library}/guard/access-token.guard.ts`;
const refusals = `${library}/guard/bearer-exception.ts`;
const validator = 'libs/access-token/src/access-token-validator.ts';

export const resourceServer: readonly Rule[] = [
  {
    name: 'header-only',
    section: 'RFC 6750 §5.3',
    text: 'An access token is taken from the `Authorization` header only; one in the query, or in the body besides it, is refused.',
    files: [guard],
  },
  {
    name: 'token-before-body',
    section: 'Lanyard',
    text: 'A guarded route decides about the access token before a byte of the body is read, and a refused body stays unread.',
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
    text: 'A challenge is well-formed, whatever its parameters hold.',
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
    text: 'A token without the needed scope gets `403`, `insufficient_scope` and the `scope` that is needed.',
    files: [guard, refusals],
  },
  {
    name: 'declared-access',
    section: 'Lanyard',
    text: 'A route that declares no access rule is refused to everybody.',
    files: [guard, `${library}/access/access-rules.ts`],
  },
  {
    name: 'token-validation',
    section: 'RFC 9068 §4',
    text: 'A token is validated whole: type, issuer, audience, times, signature, and the form of its claims.',
    files: [validator],
  },
  {
    name: 'explicit-type',
    section: 'RFC 9068 §4',
    text: '`typ` must be `at+jwt`.',
    files: [validator],
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
    text: '`exp` must be there and not be over, `nbf` must not be to come; clocks may differ by seconds.',
    files: [validator, 'libs/access-token/src/remembering-validator.ts'],
  },
  {
    name: 'signature',
    section: 'RFC 7518 §3.4',
    text: 'Tokens are signed with ES256, and one whose signature does not fit is refused.',
    files: ['libs/access-token/src/signature.ts', validator],
  },
  {
    name: 'revoked-token',
    section: 'RFC 7009 §2',
    text: 'A revoked token is refused everywhere, within a second while revocations are heard of.',
    files: [`${library}/revocations/revocation-client.ts`, 'libs/access-token/src/revoked-tokens.ts'],
  },
  {
    name: 'scope-comes-last',
    section: 'RFC 9068 §4',
    text: 'The scope is looked at when everything else was found right, revocation included.',
    files: [guard, `${library}/guard/bearer.strategy.ts`],
  },
  {
    name: 'algorithm-allow-list',
    section: 'RFC 8725 §3.1',
    text: 'Algorithms come from an allow-list, in which `none` and HMAC cannot be.',
    files: [validator],
  },
  {
    name: 'key-per-algorithm',
    section: 'RFC 8725 §3.1',
    text: 'A key is used with its own algorithm alone.',
    files: [validator],
  },
  {
    name: 'header-keys-ignored',
    section: 'RFC 8725 §3.10',
    text: 'Keys that a token brings along or points to (`jku`, `jwk`, `x5u`, `x5c`) are ignored.',
    files: [validator],
  },
  {
    name: 'kid-only-compared',
    section: 'RFC 8725 §3.10',
    text: 'A `kid` is compared with those of the JWK Set, and never becomes part of a path, a query or an address.',
    files: [validator, `${library}/keys/remote-keys.ts`],
  },
  {
    name: 'critical-headers',
    section: 'RFC 7515 §4.1.11',
    text: 'A token with a critical header that is not known is refused.',
    files: [validator],
  },
  {
    name: 'other-token-types',
    section: 'RFC 8725 §3.12',
    text: 'Other JWTs of the same issuer are no access tokens, and an access token is none of them.',
    files: [validator, 'libs/access-token/src/revocation-list.ts'],
  },
  {
    name: 'revocation-list-validation',
    section: 'RFC 8725 §3.11',
    text: 'A list of revocations is taken where its type, issuer, times, signature and form are right.',
    files: ['libs/access-token/src/revocation-list.ts'],
  },
  {
    name: 'newer-stays',
    section: 'Lanyard',
    text: 'A list of revocations that is older than one before adds its entries, and is no news.',
    files: [`${library}/revocations/revocation-client.ts`, `${library}/revocations/revocation-list-follower.ts`],
    decision: 'docs/decisions/0013-revocation-by-membership.md',
  },
  {
    name: 'usable-keys',
    section: 'Lanyard',
    text: 'A JWK Set without a usable key leaves the keys as they are.',
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
    text: 'Any number of revocations is taken in and dropped some at a time.',
    files: ['libs/access-token/src/revoked-tokens.ts', 'apps/auth-server/src/revoked-tokens/revocation-state.ts'],
  },
  {
    name: 'unknown-kid-cooldown',
    section: 'Lanyard',
    text: 'Tokens with unknown keys cause one look for new keys in a while, also where that fails.',
    files: [`${library}/keys/remote-keys.ts`, 'apps/auth-server/src/revoked-tokens/issued-tokens.ts'],
  },
];
