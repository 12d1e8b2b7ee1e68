import { isScopeValue } from '@lanyard/oauth-protocol';
import { z } from 'zod';
import { nameSchema } from './text.ts';

export const scopeValueSchema = z.string().max(200).refine(isScopeValue, 'must be a scope value');

/** An absolute URI without a fragment, RFC 8707 section 2. */
export const resourceIdentifierSchema = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
  .max(200)
  .refine((url) => !url.includes('#'), 'must have no fragment');

export const resourceDescriptionSchema = z.strictObject({
  name: nameSchema,
  scopes: z.record(scopeValueSchema, nameSchema).describe('scope values, each with what it lets a client do'),
});
export type ResourceDescription = z.infer<typeof resourceDescriptionSchema>;

/** A protected resource: its identifier becomes the audience of tokens, RFC 8707 section 2. */
export const resourceSchema = resourceDescriptionSchema.extend({ identifier: resourceIdentifierSchema });
export type Resource = z.infer<typeof resourceSchema>;

export const resourceListSchema = z.object({ items: z.array(resourceSchema) });

/** The scope values of the administration API itself. */
export const administrativeScopes = {
  'clients:read': 'List and read clients, their secrets without the secrets themselves, and protected resources',
  'clients:write': 'Create, change and delete clients, their secrets, and protected resources',
  'keys:read': 'List signing keys',
  'keys:rotate': 'Rotate, withdraw and re-encrypt signing keys',
  'tokens:revoke': 'Revoke access tokens, and list what is revoked',
  'audit:read': 'Read the audit log',
} as const;

export const isAdministrative = (scopeValue: string): scopeValue is keyof typeof administrativeScopes =>
  Object.hasOwn(administrativeScopes, scopeValue);

/** The identifier of an authorization server's administration as a protected resource. */
export const administrationOf = (issuer: string): string => `${issuer}/admin`;
