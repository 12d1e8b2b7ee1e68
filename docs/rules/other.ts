import type { Rule } from './rule.ts';

const server = 'apps/auth-server/src';

export const other: readonly Rule[] = [
  {
    name: 'bulk-connections',
    section: 'Lanyard',
    text: 'Bulk administration takes no connections from tokens, revocations and emergencies, and each request of it that is let in has one.',
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
    text: 'Disabling a client, deleting it and revoking its tokens wait for no change of other clients or of resources; what is read before them waits for no other reading.',
    files: [
      `${server}/administration/clients/clients.ts`,
      `${server}/administration/registry/apply-registry.ts`,
      `${server}/administration/registry/planned-clients.ts`,
    ],
  },
  {
    name: 'dry-run-locks-nothing',
    section: 'Lanyard',
    text: 'A dry run takes no lock, and waits for none.',
    files: [
      `${server}/administration/registry/registry.controller.ts`,
      `${server}/administration/registry/apply-registry.ts`,
    ],
  },
  {
    name: 'locks-in-order',
    section: 'Lanyard',
    text: 'The migration step takes locks in the order in which servers do, so that neither fails with a deadlock.',
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
    text: 'The command lines send a request that was refused with `429` again, after as long as `Retry-After` says.',
    files: ['libs/command-line/src/caller.ts'],
  },
  {
    name: 'registry-size',
    section: 'Lanyard',
    text: 'A registry that is too large to be applied at once is refused before it is validated, and one that would change or delete more before anything is locked.',
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
    text: 'The access token response has the token, its type, its lifetime and its scope, and nothing else.',
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
    text: 'With `Prefer: wait`, a request waits for a new JWK Set or a new list of revocations.',
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
    text: 'A change of a client leaves as it was what it does not mention.',
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
    text: 'Every replica publishes a signing key before an access token signed with it is issued, also in an emergency.',
    files: [`${server}/signing-keys/key-lifecycle.ts`, `${server}/signing-keys/signing-keys.ts`],
    decision: 'docs/decisions/0011-keys-rotate-and-are-withdrawn.md',
  },
  {
    name: 'one-signing-key',
    section: 'Lanyard',
    text: 'One key signs at any time, however many processes start or rotate at once.',
    files: [`${server}/signing-keys/key-rotation.ts`, `${server}/migration/migrate.ts`],
  },
  {
    name: 'many-keys',
    section: 'Lanyard',
    text: 'A thousand signing keys are published, validators accept the tokens of each, and those whose time is over are deleted together.',
    files: [
      `${server}/signing-keys/signing-keys.ts`,
      `${server}/signing-keys/key-rotation.ts`,
      'libs/resource-server/src/keys/remote-keys.ts',
    ],
  },
  {
    name: 'many-scopes',
    section: 'Lanyard',
    text: 'A token with a thousand scope values fits into a header; a scope that would not fit is refused at registration.',
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
    text: 'The registration of a client is answered with its identifier, its secret and the times of both.',
    files: ['libs/administration/src/client.ts', `${server}/administration/clients/clients.ts`],
  },
  {
    name: 'introspection-response',
    section: 'RFC 7662 §2.2',
    text: 'Introspection says of an active token what it carries.',
    files: [`${server}/oauth/introspection/introspection.ts`],
  },
  {
    name: 'server-metadata',
    section: 'RFC 8414 §2',
    text: 'The authorization server describes itself, and lists up to a thousand scope values.',
    files: [`${server}/oauth/metadata/metadata.controller.ts`],
  },
  {
    name: 'metadata-address',
    section: 'RFC 8414 §3.1',
    text: "The well-known path goes between the issuer's host and path.",
    files: ['libs/oauth-protocol/src/metadata.ts'],
  },
  {
    name: 'resource-indicators',
    section: 'RFC 8707 §2',
    text: 'A client may say by `resource` where it wants to use the token; one that is not for it gets `invalid_target`.',
    files: [`${server}/oauth/token/token-request.ts`, `${server}/oauth/token/client-credentials.grant.ts`],
  },
  {
    name: 'canonical-form',
    section: 'RFC 8785',
    text: 'The hash of an audit event is over its canonical form, so that anybody can compute it.',
    files: ['libs/administration/src/audit-event.ts'],
  },
  {
    name: 'conditional-requests',
    section: 'RFC 9110 §13.1.1',
    text: 'With `If-Match`, a change is refused with `412` where somebody else made one meanwhile.',
    files: [`${server}/administration/entity-tag.ts`],
  },
  {
    name: 'problem-bodies',
    section: 'RFC 9457',
    text: 'Errors outside of OAuth are problems.',
    files: ['libs/service-defaults/src/problem/problem.filter.ts'],
  },
  {
    name: 'signed-introspection',
    section: 'RFC 9701 §5',
    text: 'An introspection response is signed for who asks, where that is accepted.',
    files: [
      `${server}/oauth/introspection/introspection.ts`,
      `${server}/oauth/introspection/introspection.controller.ts`,
    ],
  },
  {
    name: 'resource-metadata',
    section: 'RFC 9728 §2',
    text: 'A resource server describes itself.',
    files: ['libs/resource-server/src/metadata/protected-resource-metadata.controller.ts'],
  },
  {
    name: 'resource-metadata-address',
    section: 'RFC 9728 §3.1',
    text: "It stands at the well-known path between the resource's host and path, and every challenge says so.",
    files: ['libs/oauth-protocol/src/metadata.ts', 'libs/resource-server/src/guard/access-token.guard.ts'],
  },
];
