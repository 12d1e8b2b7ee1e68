import { z } from 'zod';
import { databaseUrl } from './database-url.ts';

/** A name whose last label is a number is refused: it is a mistyped IP address. */
const hostName = z.string().regex(/^(?=.{1,253}$)([a-z\d_-]{1,63}\.)*(?!\d+$)[a-z\d_-]{1,63}$/i);
const proxy = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6(), hostName], {
  error: 'must be addresses, networks, host names, or loopback, linklocal, uniquelocal',
});

const address = z
  .string()
  // Fastify would listen at both addresses of localhost, with a second server without the limits of the first.
  .transform((host) => (host === 'localhost' ? '127.0.0.1' : host))
  .default('127.0.0.1');
const port = z.coerce.number().int().min(0).max(65_535);

const managementPortDescription = 'the port for health and metrics, which are not served on `PORT`; plain http';

/** The setting of the port for health and metrics, with the default of a service. */
export const managementPortOf = (number: number) => port.default(number).describe(managementPortDescription);

/** The setting of services that document their API. */
export const apiDocs = z
  .stringbool()
  .default(false)
  .describe('serves the documentation of the API at `/docs` and `/docs-json`, without authentication');

/** The settings of every service. */
export const serviceConfiguration = z.object({
  HOST: address.describe('the address to listen on; `0.0.0.0` in a container'),
  PORT: port.describe('the port to listen on'),
  MANAGEMENT_HOST: address.describe(
    'the address to serve health and metrics on: one that only the platform and its monitoring can reach',
  ),
  MANAGEMENT_PORT: port.default(0).describe(managementPortDescription),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('the least severe level that is logged'),
  LOG_FORMAT: z
    .enum(['json', 'text'])
    .default('json')
    .describe('`json` for programs, one object per line; `text` for people'),
  SHUTDOWN_TIMEOUT: z.coerce
    .number()
    .int()
    .min(1)
    .max(300)
    .default(10)
    .describe('how long requests and work in progress may take after SIGTERM, seconds'),
  MAX_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(10)
    .max(1_000_000)
    .default(4000)
    .describe(
      'the maximum number of concurrent connections; at the limit, a new one replaces an idle one of the client that holds the most (all unauthenticated callers count as one client), or is closed',
    ),
  CONNECTIONS_PER_ADDRESS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(1500)
    .describe(
      'the maximum number of concurrent connections per address (for IPv6, per /64 network) on which no client has authenticated yet; `TRUSTED_PROXIES` may hold more',
    ),
  BODY_BYTES_PER_ADDRESS: z.coerce
    .number()
    .int()
    // The size of the largest registry.
    .min(8 * 1024 * 1024)
    .default(64 * 1024 * 1024)
    .describe(
      'the maximum size of all request bodies that one address sends at a time, bytes, at least 8 MiB; more is refused with 429. Announced sizes count; a body without a length counts as the largest that its route accepts',
    ),
  TLS_CERTIFICATE_FILE: z
    .string()
    .optional()
    .describe(
      'the certificate with its chain, PEM: the service then serves https, and loads a new certificate without a restart',
    ),
  TLS_PRIVATE_KEY_FILE: z.string().optional().describe('the private key of the certificate, PEM'),
  TRUSTED_PROXIES: z
    .string()
    .default('')
    .transform((list) =>
      list
        .split(',')
        .map((entry) => entry.trim())
        .filter(Boolean),
    )
    .pipe(z.array(proxy))
    .describe(
      'addresses, networks or host names whose `X-Forwarded-*` headers are trusted, separated by commas; names are resolved every two seconds; none by default',
    ),
});
export type ServiceConfiguration = z.infer<typeof serviceConfiguration>;

/** The settings of every service that relies on the authorization server. */
export const issuerConfiguration = z.object({
  ISSUER: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
    .default('http://localhost:3000')
    .describe(
      'the issuer identifier of the authorization server, which issues the access tokens that the service obtains and accepts',
    ),
  ISSUER_ADDRESS: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
    .optional()
    .describe('where to reach the issuer, if not at its own name: scheme, host and port, and a path if it differs too'),
});

/** The settings of every resource server that is also a client, so that it can fetch the revocation list. */
export const resourceServerConfiguration = issuerConfiguration.extend({
  CLIENT_ID: z.string().describe('the client identifier of this service'),
  CLIENT_SECRET_FILE: z
    .string()
    .describe('the file with the client secret; read again for each use, so that a new secret needs no restart'),
  ALLOW_INSECURE_REQUESTS: z
    .stringbool()
    .default(false)
    .describe('lets secrets and tokens travel over plain http to hosts other than this one: only for a closed network'),
  REVOCATIONS_WHEN_STALE: z
    .enum(['accept', 'introspect', 'refuse'])
    .default('accept')
    .describe(
      'the policy while the revocation list is stale: `accept` access tokens until they expire, `introspect` each, or `refuse` all with 503',
    )
    .meta({ formerName: 'REVOCATIONS_WHEN_SILENT' }),
  REVOCATIONS_STALE_AFTER: z.coerce
    .number()
    .min(10)
    .max(86_400)
    .default(60)
    .describe(
      'how long the revocation list may go without an update before it counts as stale, seconds, at least 10; while nothing is revoked, a list arrives every 20 seconds, or three times within this period if that is more often',
    )
    .meta({ formerName: 'REVOCATIONS_SILENT_AFTER' }),
  REQUESTS_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000_000)
    .default(180_000)
    .describe(
      'how many requests per minute a client may send to each replica; those of ten seconds may arrive at once; more are refused with 429',
    ),
});

/** The settings of every service with a database. */
export const databaseConfiguration = z.object({
  DATABASE_URL: databaseUrl.describe(
    "the service's database, `postgres://user:password@host:port/name`; the role needs no right to alter the schema",
  ),
  DATABASE_POOL_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(10)
    .describe('the maximum number of database connections'),
});
export type DatabaseConfiguration = z.infer<typeof databaseConfiguration>;
