import { z } from 'zod';
import { faultOfClientIdentifier } from './client-identifier.ts';
import { resourceIdentifierSchema } from './protected-resource.ts';
import { accessTokenLifetime, momentSchema, nameSchema, scopeSchema, scopeValuesOf, type Fault } from './text.ts';

export const clientIdSchema = z.string().superRefine((text, context) => {
  const message = faultOfClientIdentifier(text);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

const grantTypes = z
  .array(z.enum(['client_credentials']))
  .max(1)
  .describe('the grant types that the client may use; empty: none');

const lifetime = accessTokenLifetime.describe(
  "the maximum lifetime of the client's access tokens, seconds; null: only the server and the resource limit it",
);

const tokensPerMinute = z
  .int()
  .min(1)
  .max(10_000_000)
  .nullable()
  .describe('how many access tokens the client may obtain per minute; null: the default of the server');

const scope = scopeSchema.describe('the scope values that the client may have');
const defaultScope = scopeSchema.describe(
  'the scope of a token request that has none. If it covers several resources, that request must send `resource`; if it is empty, the request is refused',
);

const resourceServerOf = z
  .array(resourceIdentifierSchema)
  .max(20)
  .describe(
    'the protected resources whose resource server this client is: it may introspect their tokens and fetch the revocation lists',
  );

/** The description of a client at its registration; the fields have the names of RFC 7591 section 2. */
export const clientSchema = z.strictObject({
  client_id: clientIdSchema,
  client_name: nameSchema.optional().describe('for people; default: the client_id'),
  grant_types: grantTypes.default(['client_credentials']),
  scope: scope.default(''),
  default_scope: defaultScope.default(''),
  resource_server_of: resourceServerOf.default([]),
  access_token_lifetime: lifetime.default(null),
  tokens_per_minute: tokensPerMinute.default(null),
  disabled: z.boolean().optional().describe('whether the client is refused; omitted: its state does not change'),
});
export type ClientDescription = z.infer<typeof clientSchema>;

/** A change of a client: omitted fields do not change, RFC 7396. */
export const clientChangeSchema = z
  .strictObject({
    client_name: nameSchema,
    grant_types: grantTypes,
    scope,
    default_scope: defaultScope,
    resource_server_of: resourceServerOf,
    access_token_lifetime: lifetime,
    tokens_per_minute: tokensPerMinute,
  })
  .partial();
export type ClientChange = z.infer<typeof clientChangeSchema>;

/** A registered client, RFC 7591 section 3.2.1. */
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

/** The response to the creation of a client: its secret is shown only here. */
export const createdClientSchema = registeredClientSchema.extend({
  client_secret: z.string(),
  client_secret_expires_at: z.int().describe('seconds since the epoch; 0: never, RFC 7591 section 3.2.1'),
});
export type CreatedClient = z.infer<typeof createdClientSchema>;

export const clientPageSchema = z.object({
  items: z.array(registeredClientSchema),
  next: z.string().nullable().describe('the path of the next page, below the issuer'),
});
export type ClientPage = z.infer<typeof clientPageSchema>;

/** The lookup of scope values and resources. */
export interface KnownResources {
  /** the identifier of the protected resource that has a scope value */
  resourceOf: (scopeValue: string) => string | undefined;
  /** whether there is a protected resource with this identifier */
  isResource: (identifier: string) => boolean;
  /** there may be more resources than these: an unknown one is no fault */
  isPart?: boolean;
}

/** The faults of a well-formed client. */
export function faultsOf(
  client: { scope: string; default_scope: string; resource_server_of: string[] },
  { resourceOf, isResource, isPart = false }: KnownResources,
): Fault[] {
  const allowed = scopeValuesOf(client.scope);
  const byDefault = scopeValuesOf(client.default_scope);
  const unknown = allowed.filter((value) => !isPart && resourceOf(value) === undefined);
  const excess = byDefault.filter((value) => !allowed.includes(value));
  const faults: Fault[] = [];
  if (unknown.length > 0) faults.push({ path: ['scope'], message: `no resource has the scope ${unknown.join(' ')}` });
  if (excess.length > 0) {
    faults.push({ path: ['default_scope'], message: `has values that are not in scope: ${excess.join(' ')}` });
  }
  for (const [index, identifier] of client.resource_server_of.entries()) {
    if (isPart || isResource(identifier)) continue;
    faults.push({ path: ['resource_server_of', index], message: `there is no resource ${identifier}` });
  }
  return faults;
}
