import { z } from 'zod';
import { databaseUrl } from './database-url.ts';

/** No name ends with a number: that is a mistake in an address. */
const hostName = z.string().regex(/^(?=.{1,253}$)([a-z\d_-]{1,63}\.)*(?!\d+$)[a-z\d_-]{1,63}$/i);
const proxy = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6(), hostName], {
  error: 'must be addresses, networks, host names, or loopback, linklocal, uniquelocal',
});

const address = z
  .string()
  // Fastify would listen at both its addresses, by a second server without the limits of the first.
  .transform((host) => (host === 'localhost' ? '127.0.0.1' : host))
  .default('127.0.0.1');
const port = z.coerce.number().int().min(0).max(65_535);

const managementPort = 'the port of health and metrics, which are not answered at `PORT`; plain http';

/** The port of health and metrics, where a service listens unless another one is set. */
export const managementPortOf = (number: number) => port.default(number).describe(managementPort);

/** Of services that describe their API. */
export const apiDocs = z
  .stringbool()
  .default(false)
  .describe('serves the description of the API at `/docs` and `/docs-json`, to anybody');

/** What every service can be told. */
export const serviceConfiguration = z.object({
  HOST: address.describe('the address to listen on; `0.0.0.0` in a container'),
  PORT: port.describe('the port to listen on'),
  MANAGEMENT_HOST: address.describe(
    'the address at which health and metrics are answered: one that only the platform and its monitoring reach',
  ),
  MANAGEMENT_PORT: port.default(0).describe(managementPort),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('the least severe level that is logged'),
  LOG_FORMAT: z
    .enum(['json', 'text'])
    .default('json')
    .describe('`json` for programs, a line each; `text` for people who watch'),
  SHUTDOWN_TIMEOUT: z.coerce
    .number()
    .int()
    .min(1)
    .max(300)
    .default(10)
    .describe('how long requests and work in progress may take to end after SIGTERM, seconds'),
  MAX_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(10)
    .max(1_000_000)
    .default(4000)
    .describe(
      'connections at a time at most; a new one takes the place of an idle one of the client, or of the unauthenticated callers, that hold most, or is closed',
    ),
  CONNECTIONS_PER_ADDRESS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(1500)
    .describe(
      'connections at most that an address (of IPv6, a /64 network) may hold at a time on which nothing was authenticated yet; `TRUSTED_PROXIES` may hold more',
    ),
  BODY_BYTES_PER_ADDRESS: z.coerce
    .number()
    .int()
    // A whole registry.
    .min(8 * 1024 * 1024)
    .default(64 * 1024 * 1024)
    .describe(
      'how many bytes of request bodies may come in from one address at a time, 8 MiB at least; more is refused with 429. Announced sizes count; a body without a length counts as the largest that its route takes',
    ),
  TLS_CERTIFICATE_FILE: z
    .string()
    .optional()
    .describe(
      'the certificate with its chain, PEM: the service speaks https then; a new one is taken without a restart',
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
      'addresses, networks or host names whose `X-Forwarded-*` headers count, separated by commas; names are looked up every two seconds; none by default',
    ),
});
export type ServiceConfiguration = z.infer<typeof serviceConfiguration>;

/** What every service can be told that relies on the authorization server. */
export const issuerConfiguration = z.object({
  ISSUER: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
    .default('http://localhost:3000')
    .describe('the authorization server, as it names itself: whose access tokens are accepted, and who issues them'),
  ISSUER_ADDRESS: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
    .optional()
    .describe('where the issuer is reached from here, if not under its own name: scheme, host and port'),
});

/** What every resource server can be told that is a client too, so that it may know what is revoked. */
export const resourceServerConfiguration = issuerConfiguration.extend({
  CLIENT_ID: z.string().describe('the client that this service is'),
  CLIENT_SECRET_FILE: z
    .string()
    .describe('the file with the client secret; read again for each use, so that a new secret needs no restart'),
  ALLOW_INSECURE_REQUESTS: z
    .stringbool()
    .default(false)
    .describe('lets secrets and tokens travel over plain http to hosts other than this one: in a closed network only'),
  REVOCATIONS_WHEN_STALE: z
    .enum(['accept', 'introspect', 'refuse'])
    .default('accept')
    .describe(
      'what happens to access tokens while the list of revocations is stale: `accept` them until they expire, `introspect` each, or `refuse` all with 503',
    )
    .meta({ formerName: 'REVOCATIONS_WHEN_SILENT' }),
  REVOCATIONS_STALE_AFTER: z.coerce
    .number()
    .min(10)
    .max(86_400)
    .default(60)
    .describe(
      'how long ago the list of revocations may have been current before it counts as stale, seconds, at least 10; while nothing is revoked, a list comes every 20 seconds, or three times within this period',
    )
    .meta({ formerName: 'REVOCATIONS_SILENT_AFTER' }),
  REQUESTS_PER_MINUTE: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000_000)
    .default(180_000)
    .describe(
      'how many requests a client may send a minute to each replica; those of ten seconds may come at once. Beyond it: 429',
    ),
});

/** What every service with a database can be told. */
export const databaseConfiguration = z.object({
  DATABASE_URL: databaseUrl.describe(
    "the service's database, `postgres://user:password@host:port/name`; the role needs no right to alter the schema",
  ),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(1).max(200).default(10).describe('connections at most'),
});
export type DatabaseConfiguration = z.infer<typeof databaseConfiguration>;
