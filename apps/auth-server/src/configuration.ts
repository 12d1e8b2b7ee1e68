import { databaseConfiguration, serviceConfiguration } from '@lanyard/service-defaults';
import { z } from 'zod';

const issuer = z
  .url({ protocol: /^https?$/, error: 'must be an http(s) address' })
  .refine((url) => new URL(url).origin === url, 'must be scheme, host and port alone, without a slash at its end')
  .describe('the issuer identifier: the address under which clients reach this server');

/** 32 bytes, from which AES-256 keys for signing keys are made. */
const keyEncryptionKey = z
  .base64()
  .refine((text) => Buffer.from(text, 'base64').length === 32, 'must be 32 random bytes in base64')
  .describe('encrypts the signing keys in the database: 32 random bytes in base64, kept outside the database');

export const authServerConfiguration = serviceConfiguration.extend(databaseConfiguration.shape).extend({
  PORT: serviceConfiguration.shape.PORT.default(3000),
  ISSUER: issuer.default('http://localhost:3000'),
  KEY_ENCRYPTION_KEY: keyEncryptionKey,
  ACCESS_TOKEN_LIFETIME: z.coerce
    .number()
    .int()
    .min(60)
    .max(3600)
    .default(600)
    .describe('how long access tokens are valid, unless a client has a lifetime of its own, seconds'),
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
    .max(3600)
    .default(10)
    .describe('how often changes are looked for whose notification was lost, seconds'),
});
export type AuthServerConfiguration = z.infer<typeof authServerConfiguration>;

/** What the migration step can be told: it alone may alter the schema, register clients and write secrets. */
export const migrationConfiguration = z.object({
  MIGRATION_DATABASE_URL: databaseConfiguration.shape.DATABASE_URL.describe(
    'the database as its owner, `postgres://user:password@host:port/name`',
  ),
  KEY_ENCRYPTION_KEY: keyEncryptionKey,
  PROVISIONING_FILE: z
    .string()
    .default('config/lanyard.yaml')
    .describe('the protected resources and clients to register'),
  SECRETS_DIRECTORY: z
    .string()
    .default('secrets')
    .describe('where client secrets are read from, or generated: `<client_id>/client_secret`'),
});
