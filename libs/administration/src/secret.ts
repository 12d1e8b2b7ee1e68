import { z } from 'zod';
import { momentSchema } from './text.ts';

/** The minimum length of a secret that an operator chooses. */
export const leastSecretLength = 32;

const tenYears = 10 * 366 * 86_400;

/** A new secret of a client. */
export const newSecretSchema = z.strictObject({
  client_secret: z
    .string()
    .min(leastSecretLength, `must have ${leastSecretLength} characters or more`)
    .max(1000)
    .regex(/^[\x21-\x7E]*$/, 'must have only visible ASCII characters')
    .optional()
    .describe('your own secret; default: the server generates one, which is safer'),
  expires_in: z.int().min(60).max(tenYears).optional().describe('seconds; default: it does not expire'),
  overlap: z
    .int()
    .min(0)
    .max(tenYears)
    .optional()
    .describe(
      "the maximum time that the client's other secrets stay valid, seconds; default: their expiry does not change",
    ),
});
export type NewSecret = z.infer<typeof newSecretSchema>;

/** The metadata of a client's secret. */
export const secretSchema = z.object({
  secret_id: z.uuid(),
  hint: z.string().describe('its last four characters'),
  state: z.enum(['live', 'expired']),
  one_time: z.boolean().describe('valid for one token request'),
  created_at: momentSchema,
  expires_at: momentSchema.nullable(),
  last_used_at: momentSchema.nullable().describe('delayed by some seconds: uses are recorded in batches'),
  use_count: z.int(),
  safe_to_remove: z.boolean(),
  advice: z.string().describe('why it is safe to remove, or why not'),
});
export type Secret = z.infer<typeof secretSchema>;

export const secretListSchema = z.object({ items: z.array(secretSchema) });

/** A new secret: it is shown only here. */
export const createdSecretSchema = secretSchema.extend({ client_id: z.string(), client_secret: z.string() });
export type CreatedSecret = z.infer<typeof createdSecretSchema>;
