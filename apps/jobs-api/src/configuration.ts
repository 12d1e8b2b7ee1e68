import {
  apiDocs,
  databaseConfiguration,
  managementPortOf,
  resourceServerConfiguration,
  serviceConfiguration,
} from '@lanyard/service-defaults';
import { z } from 'zod';

export const jobsApiConfiguration = serviceConfiguration
  .extend(databaseConfiguration.shape)
  .extend(resourceServerConfiguration.shape)
  .extend({
    PORT: serviceConfiguration.shape.PORT.default(3002),
    MANAGEMENT_PORT: managementPortOf(3102),
    API_DOCS: apiDocs,
    CLIENT_ID: resourceServerConfiguration.shape.CLIENT_ID.default('jobs-api'),
    RESOURCE: z
      .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
      .default('http://localhost:3002')
      .describe('the identifier of this service as a protected resource: the audience of its access tokens'),
    KEY_REFRESH_INTERVAL: z.coerce
      .number()
      .min(1)
      .max(86_400)
      .default(300)
      .describe("how often the authorization server's keys are fetched in the background, seconds"),
    KEY_COOLDOWN: z.coerce
      .number()
      .min(0)
      .max(3600)
      .default(30)
      .describe('the minimum time between two fetches caused by tokens with unknown keys, seconds'),
    RETRY_BACKOFF: z.coerce
      .number()
      .min(0)
      .max(3600)
      .default(5)
      .describe('how long a failed job waits before its second attempt, seconds; doubled for each further one'),
    LEASE_SWEEP_INTERVAL: z.coerce
      .number()
      .min(0.1)
      .max(60)
      .default(2)
      .describe('how often the service checks for expired leases and interrupted uploads, seconds'),
    FILE_SIZE_LIMIT: z.coerce
      .number()
      .int()
      .min(1)
      .default(4 * 1024 ** 3)
      .describe('the maximum size of an uploaded file, bytes'),
    FILE_BYTES_PER_CLIENT: z.coerce
      .number()
      .int()
      .min(1)
      .default(16 * 1024 ** 3)
      .describe(
        'how much a client may have stored, including uploads in progress, bytes; the default is four files of the maximum size',
      ),
    FILES_PER_CLIENT: z.coerce
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe('how many files a client may have stored, including uploads in progress'),
    UPLOADS_PER_CLIENT: z.coerce
      .number()
      .int()
      .min(1)
      .max(1000)
      .default(32)
      .describe(
        'how many files a client may upload at a time, at all replicas together; each takes about 1 MB of memory',
      ),
  });
export type JobsApiConfiguration = z.infer<typeof jobsApiConfiguration>;

/** The configuration of the migration step: only this step may alter the schema. */
export const migrationConfiguration = z.object({
  MIGRATION_DATABASE_URL: databaseConfiguration.shape.DATABASE_URL.describe(
    'the database as its owner, `postgres://user:password@host:port/name`',
  ),
});
