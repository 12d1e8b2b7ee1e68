import { isClientIdentifier } from '@lanyard/oauth-protocol';
import { z } from 'zod';
import { resourceIdentifierSchema } from './protected-resource.ts';
import { momentSchema, nameSchema, scopeSchema, scopeValuesOf, type Fault } from './text.ts';

export const clientIdSchema = z
  .string()
  .refine(isClientIdentifier, 'must be a letter, then up to 127 letters, digits, ".", "_" or "-"');

const grantTypes = z
  .array(z.enum(['client_credentials']))
  .max(1)
  .describe('what the client may obtain tokens with; empty: nothing');

const accessTokenLifetime = z
  .int()
  .min(60)
  .max(3600)
  .nullable()
  .describe("how long the client's access tokens are valid, seconds; null: as long as the server says");

const tokensPerMinute = z
  .int()
  .min(1)
  .max(10_000_000)
  .nullable()
  .describe('how many access tokens the client may obtain a minute; null: as many as the server says');

const scope = scopeSchema.describe('the scope values that the client may have');
const defaultScope = scopeSchema.describe('what a token request without scope gets; empty: such a request is refused');

const resourceServerOf = z
  .array(resourceIdentifierSchema)
  .max(20)
  .describe(
    'the protected resources whose resource server the client is: it may introspect their tokens and follow what is revoked',
  );

/** What is said of a client when it is registered; the fields have the names of RFC 7591 section 2. */
export const clientSchema = z.strictObject({
  client_id: clientIdSchema,
  client_name: nameSchema.optional().describe('for people; default: the client_id'),
  grant_types: grantTypes.default(['client_credentials']),
  scope: scope.default(''),
  default_scope: defaultScope.default(''),
  resource_server_of: resourceServerOf.default([]),
  access_token_lifetime: accessTokenLifetime.default(null),
  tokens_per_minute: tokensPerMinute.default(null),
  disabled: z.boolean().optional().describe('whether the client is refused; as it is, where this is left out'),
});
export type ClientDescription = z.infer<typeof clientSchema>;

/** A change of a client: what is left out stays, RFC 7396. */
export const clientChangeSchema = z
  .strictObject({
    client_name: nameSchema,
    grant_types: grantTypes,
    scope,
    default_scope: defaultScope,
    resource_server_of: resourceServerOf,
    access_token_lifetime: accessTokenLifetime,
    tokens_per_minute: tokensPerMinute,
  })
  .partial();
export type ClientChange = z.infer<typeof clientChangeSchema>;

/** A client as it is registered, RFC 7591 section 3.2.1. */
export const registeredClientSchema = z.object({
  client_id: z.string(),
  client_name: z.string(),
  grant_types: z.array(z.string()),
  scope: z.string(),
  default_scope: z.string(),
  resource_server_of: z.array(z.string()),
  access_token_lifetime: z.int().nullable(),
  tokens_per_minute: z.int().nullable(),
  disabled: z.boolean(),
  client_id_issued_at: z.int().describe('seconds since the epoch'),
  updated_at: momentSchema,
});
export type RegisteredClient = z.infer<typeof registeredClientSchema>;

/** What the creation of a client answers; the only time that its secret is shown. */
export const createdClientSchema = registeredClientSchema.extend({
  client_secret: z.string(),
  client_secret_expires_at: z.int().describe('seconds since the epoch; 0: never, RFC 7591 section 3.2.1'),
});
export type CreatedClient = z.infer<typeof createdClientSchema>;

export const clientPageSchema = z.object({
  items: z.array(registeredClientSchema),
  next: z.string().nullable().describe('the path of the next page'),
});
export type ClientPage = z.infer<typeof clientPageSchema>;

/** Where scope values and resources are looked up. */
export interface KnownResources {
  /** the identifier of the protected resource that has a scope value */
  resourceOf: (scopeValue: string) => string | undefined;
  /** whether there is a protected resource of this identifier */
  isResource: (identifier: string) => boolean;
  /** there may be more: what is not known is no fault */
  isPart?: boolean;
}

/** What is wrong with a client that is well-formed. */
export function faultsOf(
  client: { scope: string; default_scope: string; resource_server_of: string[] },
  { resourceOf, isResource, isPart = false }: KnownResources,
): Fault[] {
  const may = scopeValuesOf(client.scope);
  const byDefault = scopeValuesOf(client.default_scope);
  const unknown = may.filter((value) => !isPart && resourceOf(value) === undefined);
  const beyond = byDefault.filter((value) => !may.includes(value));
  const resources = new Set(byDefault.map(resourceOf).filter((resource) => !isPart || resource !== undefined));
  const faults: Fault[] = [];
  if (unknown.length > 0) faults.push({ path: ['scope'], message: `no resource has the scope ${unknown.join(' ')}` });
  if (beyond.length > 0) faults.push({ path: ['default_scope'], message: `has more than scope: ${beyond.join(' ')}` });
  for (const [index, identifier] of client.resource_server_of.entries()) {
    if (isPart || isResource(identifier)) continue;
    faults.push({ path: ['resource_server_of', index], message: `there is no resource ${identifier}` });
  }
  if (resources.size > 1) faults.push({ path: ['default_scope'], message: 'spans several resources' });
  return faults;
}
