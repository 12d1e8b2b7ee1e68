import { z } from 'zod';
import { momentSchema } from './text.ts';

/**
 * The life of a signing key: announced, so that every validator knows it before its first use; signing; retired until
 * the last token that it signed has expired.
 */
export const keyStates = ['announced', 'signing', 'retired'] as const;

export const signingKeySchema = z.object({
  kid: z.string(),
  alg: z.string(),
  state: z.enum(keyStates),
  created_at: momentSchema,
  activated_at: momentSchema.nullable().describe('when it started to sign'),
  retired_at: momentSchema.nullable(),
  next: z.enum(['signing', 'retired', 'deleted']).describe('its next state'),
  next_at: momentSchema.describe('the earliest time of its next state'),
  key_encryption: z
    .enum(['current', 'former', 'unknown'])
    .describe('the key encryption key that encrypts it: the first one configured, a later one, or none of them'),
});
export type SigningKeyDescription = z.infer<typeof signingKeySchema>;

export const signingKeyListSchema = z.object({ items: z.array(signingKeySchema) });

export const keyRotationSchema = z.strictObject({
  emergency: z
    .boolean()
    .default(false)
    .describe('a new key signs at once and all others are withdrawn, so every token issued so far is refused'),
});
export type KeyRotation = z.infer<typeof keyRotationSchema>;
