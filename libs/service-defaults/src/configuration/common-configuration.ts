import { z } from 'zod';

const proxy = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6(), z.enum(['loopback', 'linklocal', 'uniquelocal'])], {
  error: 'must be addresses, networks, or loopback, linklocal, uniquelocal',
});

/** What every service can be told. */
export const serviceConfiguration = z.object({
  HOST: z
    .string()
    // Fastify would listen at both its addresses, by a second server without the limits of the first.
    .transform((host) => (host === 'localhost' ? '127.0.0.1' : host))
    .default('127.0.0.1')
    .describe('the address to listen on; `0.0.0.0` in a container'),
  PORT: z.coerce.number().int().min(0).max(65_535).describe('the port to listen on'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('the least severe level that is logged'),
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
    .describe('connections at a time at most; what is more is closed at once'),
  BODY_BYTES_PER_ADDRESS: z.coerce
    .number()
    .int()
    .min(1024 * 1024)
    .default(64 * 1024 * 1024)
    .describe('how many bytes of request bodies may come in from one address at a time; more is refused with 429'),
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
    .describe('addresses or networks whose `X-Forwarded-*` headers count, separated by commas; none by default'),
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
  REVOCATIONS_WHEN_SILENT: z
    .enum(['accept', 'introspect', 'refuse'])
    .default('accept')
    .describe(
      'what happens to access tokens while nothing was heard of revocations for too long: `accept` them until they expire, `introspect` each, or `refuse` all with 503',
    ),
  REVOCATIONS_SILENT_AFTER: z.coerce
    .number()
    .min(10)
    .max(86_400)
    .default(60)
    .describe(
      'for how long nothing may be heard of revocations, seconds, 10 at least; in quiet times something is heard every 20, or in a third of it',
    ),
});

/** What every service with a database can be told. */
export const databaseConfiguration = z.object({
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// address' })
    .describe(
      "the service's database, `postgres://user:password@host:port/name`; the role needs no right to alter the schema",
    ),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(1).max(200).default(10).describe('connections at most'),
});
export type DatabaseConfiguration = z.infer<typeof databaseConfiguration>;
