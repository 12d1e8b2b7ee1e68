import { accessTokenTypes, isScopeValue } from '@lanyard/oauth-protocol';
import { z } from 'zod';
import { accessTokenLifetime, nameSchema, tooLong, type Fault } from './text.ts';

export const scopeValueSchema = z.string().max(200, tooLong).refine(isScopeValue, 'must be a scope value');

/** An absolute URI without a fragment, RFC 8707 section 2. */
export const resourceIdentifierSchema = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
  .max(200)
  .refine((url) => !url.includes('#'), 'must have no fragment');

export const resourceDescriptionSchema = z.strictObject({
  name: nameSchema,
  scopes: z.record(scopeValueSchema, nameSchema).describe('scope values, each with a description of what it allows'),
  access_token_lifetime: accessTokenLifetime
    .describe(
      "the maximum lifetime of the resource's access tokens, seconds; null: only the server and the client limit it",
    )
    .default(null),
  access_token_typ: z
    .enum(accessTokenTypes)
    .describe(
      'the `typ` header of its access tokens; `JWT` is for validators that refuse `at+jwt`, RFC 9068 section 2.1, and is weaker',
    )
    .default('at+jwt'),
});
export type ResourceDescription = z.infer<typeof resourceDescriptionSchema>;

/** A protected resource: its identifier becomes the audience of tokens, RFC 8707 section 2. */
export const resourceSchema = resourceDescriptionSchema.extend({ identifier: resourceIdentifierSchema });
export type Resource = z.infer<typeof resourceSchema>;

export const resourceListSchema = z.object({ items: z.array(resourceSchema) });

/** The scope values of the administration API itself. */
export const administrativeScopes = {
  'clients:read': 'List and read clients, the metadata of their secrets, and protected resources',
  'clients:write': 'Create, change and delete clients, their secrets, and protected resources',
  'keys:read': 'List signing keys',
  'keys:rotate': 'Rotate, withdraw and re-encrypt signing keys',
  'tokens:revoke': 'Revoke access tokens, and list revocations',
  'audit:read': 'Read the audit log',
} as const;

export const isAdministrative = (scopeValue: string): scopeValue is keyof typeof administrativeScopes =>
  Object.hasOwn(administrativeScopes, scopeValue);

/** The identifier of an authorization server's administration as a protected resource. */
export const administrationOf = (issuer: string): string => `${issuer}/admin`;

/** The first path segment of the authorization server's own URLs, below its issuer. */
const ownPaths = new Set(['', 'admin', 'oauth', '.well-known']);

/**
 * Whether an identifier names the authorization server itself, its administration or its endpoints, in any spelling.
 * These cannot be registered: a resource server may introspect the tokens of its resource, and a client's JWTs have its
 * identifier as their issuer.
 */
export function isReservedIdentifier(identifier: string, issuer: string): boolean {
  const url = URL.parse(identifier);
  const own = URL.parse(issuer);
  if (url === null || url.origin !== own?.origin) return false;
  const [path, given] = [segmentsOf(own), segmentsOf(url)];
  return path.every((segment, index) => segment === given[index]) && ownPaths.has(given[path.length] ?? '');
}

const segmentsOf = ({ pathname }: URL): string[] =>
  pathname
    .split('/')
    .filter(Boolean)
    .map((segment) => decoded(segment).toLowerCase());

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

interface Registered {
  resources: readonly { identifier: string }[];
  clients: readonly { client_id: string }[];
}

/** The faults of a registry whose resources or clients have identifiers of the authorization server. */
export function reservedIn({ resources, clients }: Registered, issuer: string): Fault[] {
  const faultsOf = (identifier: string, path: Fault['path']): Fault[] =>
    isReservedIdentifier(identifier, issuer)
      ? [{ path, message: `${identifier} belongs to the authorization server itself` }]
      : [];
  return [
    ...resources.flatMap(({ identifier }, index) => faultsOf(identifier, ['resources', index, 'identifier'])),
    ...clients.flatMap(({ client_id: clientId }, index) => faultsOf(clientId, ['clients', index, 'client_id'])),
  ];
}
