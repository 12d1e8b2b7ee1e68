import { apiDocs, databaseConfiguration, managementPortOf, serviceConfiguration } from '@lanyard/service-defaults';
import { z } from 'zod';

const day = 86_400;
const year = 365 * day;

const issuer = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) address', abort: true })
  .superRefine((url, context) => {
    const message = faultOf(url);
    if (message) context.addIssue({ code: 'custom', message });
  })
  .default('http://localhost:3000')
  .describe(
    'the issuer identifier: the address under which clients reach this server; it may have a path, and has no trailing slash',
  );

/** The issuer is compared character by character, RFC 8414 section 3.3, so there is only one way to write it. */
function faultOf(url: string): string | undefined {
  const { origin, protocol, hostname, pathname } = new URL(url);
  const path = pathname === '/' ? '' : pathname;
  if (url === origin + path && /^(\/[\w.~-]+)*$/.test(path)) return undefined;
  const written = url.slice(0, -path.length || undefined);
  if (written !== origin && written.toLowerCase() === origin) return 'must be in lower case, except for the path';
  const port = protocol === 'https:' ? 443 : 80;
  if (written.toLowerCase() === `${protocol}//${hostname}:${port}`)
    return `must be without :${port}, which is the default`;
  return 'must be only scheme, host, port and path, without a trailing slash; the path may have letters, digits and "-._~"';
}

/** 32 bytes each; the first encrypts, and all decrypt. */
const keyEncryptionKeys = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter(Boolean))
  .refine(
    (keys) => keys.length > 0 && keys.every((key) => /^[A-Za-z0-9+/]{43}=$/.test(key)),
    'must be 32 random bytes in base64; several are separated by line breaks',
  )
  .describe(
    'encrypts the signing keys in the database: 32 random bytes in base64, kept outside the database. While you replace it: several keys, one per line; the first encrypts, all decrypt',
  );

const perMinute = (count: number) => z.coerce.number().int().min(1).max(10_000_000).default(count);

export const authServerConfiguration = serviceConfiguration.extend(databaseConfiguration.shape).extend({
  PORT: serviceConfiguration.shape.PORT.default(3000),
  MANAGEMENT_PORT: managementPortOf(3100),
  API_DOCS: apiDocs.describe(
    `${apiDocs.description}; the token endpoint then also admits pages from the origins of registered resources (CORS), for \`Authorize\``,
  ),
  DATABASE_POOL_SIZE: databaseConfiguration.shape.DATABASE_POOL_SIZE.describe(
    'the maximum number of connections; in addition, emergencies have 10, all other administration has 12, and notifications have one',
  ),
  LISTEN_DATABASE_URL: databaseConfiguration.shape.DATABASE_URL.optional().describe(
    'the same database without the pooler, if DATABASE_URL points to one: notifications need a dedicated session; default: DATABASE_URL',
  ),
  ISSUER: issuer,
  KEY_ENCRYPTION_KEY: keyEncryptionKeys,
  ACCESS_TOKEN_LIFETIME: z.coerce
    .number()
    .int()
    .min(60)
    .max(3600)
    .default(600)
    .describe(
      'how long access tokens are valid, unless their client or protected resource has a shorter lifetime, seconds',
    ),
  TOKENS_PER_MINUTE: perMinute(6000).describe(
    "how many access tokens a client may obtain per minute, unless it has its own quota; as with every quota, ten seconds' worth may be used at once",
  ),
  INTROSPECTIONS_PER_MINUTE: perMinute(600_000).describe(
    'how many tokens a client may introspect per minute, with all its replicas: enough for ten replicas that do not follow the revocation list and introspect 1000 live tokens each once a second',
  ),
  REVOCATIONS_PER_MINUTE: perMinute(12_000).describe(
    'how many of its tokens a client may revoke per minute; a client with its own quota may revoke twice that quota, if that is more',
  ),
  REVOCATION_LISTS_PER_MINUTE: perMinute(60_000).describe(
    'how often a client may request the revocation list per minute, with all its replicas: enough for 1000 replicas that request it every 20 seconds, and after each of 57 revocations; lists over the quota arrive a second later',
  ),
  THROTTLING: z
    .enum(['enforce', 'observe'])
    .default('enforce')
    .describe(
      'how to treat requests over a quota, and guesses after too many failures: `enforce` refuses them with 429, `observe` only counts them in log and metrics',
    ),
  REGISTRY_CACHE_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(10_000)
    .describe('how many clients are kept in memory'),
  REGISTRY_RECONCILIATION_PERIOD: z.coerce
    .number()
    .min(0.1)
    .max(600)
    .default(10)
    .describe('how often the server checks for changes whose notification was lost, seconds'),
  SIGNING_KEY_PERIOD: z.coerce
    .number()
    .int()
    .min(2)
    .max(10 * year)
    .default(90 * day)
    .describe('how long a signing key signs before the next one takes over automatically, seconds'),
  SIGNING_KEY_ANNOUNCEMENT: z.coerce
    .number()
    .int()
    .min(1)
    .max(30 * day)
    .default(day)
    .describe(
      'how long a signing key is published before it signs, seconds: longer than any validator keeps the JWK Set',
    ),
  SECRET_EXPIRY_WARNING: z.coerce
    .number()
    .int()
    .min(0)
    .max(3650)
    .default(14)
    .describe('how early the server warns that a client secret without a successor expires, days'),
  SECRET_AGE_WARNING: z.coerce
    .number()
    .int()
    .min(1)
    .max(36_500)
    .default(365)
    .describe('the age at which the server starts to warn about a client secret, days'),
  AUDIT_RETENTION: z.coerce
    .number()
    .int()
    .min(1)
    .max(36_500)
    .default(365)
    .describe('how long audit events are kept, days'),
  AUDIT_ISSUANCE_PERIOD: z.coerce
    .number()
    .int()
    .min(1)
    .max(day)
    .default(3600)
    .describe('how long the tokens issued to one client for one scope are combined into one audit event, seconds'),
});
export type AuthServerConfiguration = z.infer<typeof authServerConfiguration>;

/** The settings of the migration step, which alters the schema, registers clients and writes secrets. */
export const migrationConfiguration = z.object({
  MIGRATION_DATABASE_URL: databaseConfiguration.shape.DATABASE_URL.describe(
    'the database as its owner, `postgres://user:password@host:port/name`',
  ),
  ISSUER: issuer.describe(
    'the same as at the authorization server; PROVISIONING_FILE cannot use identifiers of the server itself',
  ),
  KEY_ENCRYPTION_KEY: keyEncryptionKeys,
  PROVISIONING_FILE: z
    .string()
    .default('config/lanyard.yaml')
    .describe('the protected resources and clients to register'),
  SECRETS_DIRECTORY: z
    .string()
    .default('secrets')
    .describe(
      'where client secrets are read from, or generated: `<client_id>/client_secret`, where characters of the client_id other than letters, digits, `.`, `_` and `-`, and a `.` at the beginning, are percent-encoded, and a long name is cut and ends with a hash',
    ),
});
