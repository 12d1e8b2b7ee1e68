import type { Rule } from './rule.ts';

const server = 'apps/auth-server/src';

export const other: readonly Rule[] = [
  {
    name: 'bulk-connections',
    section: 'Lanyard',
    text: 'Bulk administration takes no connections from tokens, revocations and emergencies, and each of its admitted requests has one.',
    files: [`${server}/pools.ts`, 'libs/service-defaults/src/database/database.module.ts'],
  },
  {
    name: 'emergency-connections',
    section: 'Lanyard',
    text: 'The emergencies of one administrator take no connections from tokens, revocations and emergencies of others.',
    files: [`${server}/pools.ts`, `${server}/administration/work-at-a-time.ts`],
  },
  {
    name: 'emergencies-do-not-wait',
    section: 'Lanyard',
    text: 'Disabling a client, deleting it and revoking its tokens do not wait for changes of other clients or of resources; the reads before them do not wait for other reads.',
    files: [
      `${server}/administration/clients/clients.ts`,
      `${server}/administration/registry/apply-registry.ts`,
      `${server}/administration/registry/planned-clients.ts`,
    ],
  },
  {
    name: 'dry-run-locks-nothing',
    section: 'Lanyard',
    text: 'A dry run takes no locks and waits for none.',
    files: [
      `${server}/administration/registry/registry.controller.ts`,
      `${server}/administration/registry/apply-registry.ts`,
    ],
  },
  {
    name: 'locks-in-order',
    section: 'Lanyard',
    text: 'The migration step takes locks in the same order as servers, so that neither fails with a deadlock.',
    files: [`${server}/migration/provision.ts`, `${server}/migration/migrate.ts`],
  },
  {
    name: 'administration-limit',
    section: 'Lanyard',
    text: 'Each replica handles a limited number of administrative requests at once, per administrator and in total.',
    files: [`${server}/administration/work-at-a-time.ts`],
  },
  {
    name: 'sent-again-when-refused',
    section: 'RFC 6585 §4',
    text: 'The command-line clients retry a request that was refused with `429`, after the time in `Retry-After`.',
    files: ['libs/command-line/src/caller.ts'],
  },
  {
    name: 'registry-size',
    section: 'Lanyard',
    text: 'A registry that is too large to be applied at once is refused before it is validated; one that would change or delete more is refused before anything is locked.',
    files: ['libs/administration/src/registry-changes.ts', `${server}/administration/registry/require-few-changes.ts`],
  },
  {
    name: 'client-credentials-grant',
    section: 'RFC 6749 §4.4',
    text: 'A client obtains a token for itself with its own credentials.',
    files: [`${server}/oauth/token/client-credentials.grant.ts`],
  },
  {
    name: 'access-token-response',
    section: 'RFC 6749 §5.1',
    text: 'The access token response contains only the token, its type, its lifetime and its scope.',
    files: [`${server}/oauth/token/token.controller.ts`],
  },
  {
    name: 'error-response',
    section: 'RFC 6749 §5.2',
    text: 'An error response has one of the codes and a description.',
    files: [`${server}/oauth/oauth-error.filter.ts`, 'libs/oauth-protocol/src/oauth-error.ts'],
  },
  {
    name: 'waiting-requests',
    section: 'RFC 7240 §4.3',
    text: 'With `Prefer: wait`, a request waits for a new JWK Set or a new revocation list.',
    files: [
      `${server}/replicas/waiting-requests.ts`,
      `${server}/oauth/metadata/jwks.controller.ts`,
      `${server}/oauth/revocation/revocation-list.controller.ts`,
      'libs/resource-server/src/keys/remote-keys.ts',
      'libs/resource-server/src/revocations/revocation-list-follower.ts',
    ],
  },
  {
    name: 'merge-patch',
    section: 'RFC 7396',
    text: 'A change of a client leaves the fields that it does not mention unchanged.',
    files: [`${server}/administration/clients/clients.ts`],
  },
  {
    name: 'jwk-set',
    section: 'RFC 7517 §5',
    text: 'The signing keys are published as a JWK Set.',
    files: [`${server}/oauth/metadata/jwks.controller.ts`],
  },
  {
    name: 'announced-before-use',
    section: 'Lanyard',
    text: 'Every replica publishes a signing key before any replica signs an access token with it, also in an emergency.',
    files: [`${server}/signing-keys/key-lifecycle.ts`, `${server}/signing-keys/signing-keys.ts`],
    decision: 'docs/decisions/0011-keys-rotate-and-are-withdrawn.md',
  },
  {
    name: 'one-signing-key',
    section: 'Lanyard',
    text: 'Exactly one key signs at any time, however many processes start or rotate at once.',
    files: [`${server}/signing-keys/key-rotation.ts`, `${server}/migration/migrate.ts`],
  },
  {
    name: 'many-keys',
    section: 'Lanyard',
    text: 'A thousand signing keys can be published, validators accept the tokens of each, and expired keys are deleted together.',
    files: [
      `${server}/signing-keys/signing-keys.ts`,
      `${server}/signing-keys/key-rotation.ts`,
      'libs/resource-server/src/keys/remote-keys.ts',
    ],
  },
  {
    name: 'many-scopes',
    section: 'Lanyard',
    text: 'A token with a thousand scope values fits in a header; a scope that would not fit is refused at registration.',
    files: ['libs/administration/src/text.ts', `${server}/oauth/token/client-credentials.grant.ts`],
  },
  {
    name: 'client-metadata',
    section: 'RFC 7591 §2',
    text: 'The fields of a client have the names of client metadata.',
    files: ['libs/administration/src/client.ts'],
  },
  {
    name: 'client-information-response',
    section: 'RFC 7591 §3.2.1',
    text: 'The answer to the registration of a client contains its identifier, its secret and the times of both.',
    files: ['libs/administration/src/client.ts', `${server}/administration/clients/clients.ts`],
  },
  {
    name: 'introspection-response',
    section: 'RFC 7662 §2.2',
    text: 'The introspection response for an active token contains its claims.',
    files: [`${server}/oauth/introspection/introspection.ts`],
  },
  {
    name: 'server-metadata',
    section: 'RFC 8414 §2',
    text: 'The authorization server publishes its metadata, and lists up to a thousand scope values.',
    files: [`${server}/oauth/metadata/metadata.controller.ts`],
  },
  {
    name: 'stale-if-error',
    section: 'RFC 5861 §4',
    text: 'Caches may serve metadata and keys through an outage, for no longer than access tokens live.',
    files: [`${server}/oauth/metadata/stale-if-error.ts`],
  },
  {
    name: 'metadata-address',
    section: 'RFC 8414 §3.1',
    text: "The well-known path is inserted between the issuer's host and path.",
    files: ['libs/oauth-protocol/src/metadata.ts'],
  },
  {
    name: 'resource-indicators',
    section: 'RFC 8707 §2',
    text: 'A client may name the protected resource for its token with `resource`; a resource that it may not use gets `invalid_target`.',
    files: [`${server}/oauth/token/token-request.ts`, `${server}/oauth/token/client-credentials.grant.ts`],
  },
  {
    name: 'canonical-form',
    section: 'RFC 8785',
    text: 'The hash of an audit event is computed over its canonical form, so that anyone can verify it.',
    files: ['libs/administration/src/audit-event.ts'],
  },
  {
    name: 'conditional-requests',
    section: 'RFC 9110 §13.1.1',
    text: 'With `If-Match`, a change is refused with `412` if the object has changed since it was read.',
    files: [`${server}/administration/entity-tag.ts`],
  },
  {
    name: 'problem-bodies',
    section: 'RFC 9457',
    text: 'Errors outside OAuth are problem details.',
    files: ['libs/service-defaults/src/problem/problem.filter.ts'],
  },
  {
    name: 'signed-introspection',
    section: 'RFC 9701 §5',
    text: 'An introspection response is signed for the requesting resource server, if it accepts a signed response.',
    files: [
      `${server}/oauth/introspection/introspection.ts`,
      `${server}/oauth/introspection/introspection.controller.ts`,
    ],
  },
  {
    name: 'resource-metadata',
    section: 'RFC 9728 §2',
    text: 'A resource server publishes its metadata.',
    files: ['libs/resource-server/src/metadata/protected-resource-metadata.controller.ts'],
  },
  {
    name: 'resource-metadata-address',
    section: 'RFC 9728 §3.1',
    text: "The metadata is at the well-known path between the resource's host and path, and every challenge contains its address.",
    files: ['libs/oauth-protocol/src/metadata.ts', 'libs/resource-server/src/guard/access-token.guard.ts'],
  },
];
