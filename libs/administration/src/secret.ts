import { z } from 'zod';
import { momentSchema } from './text.ts';

/** The least length of a secret that an operator brings. */
export const leastSecretLength = 32;

const tenYears = 10 * 366 * 86_400;

/** A new secret of a client. */
export const newSecretSchema = z.strictObject({
  client_secret: z
    .string()
    .min(leastSecretLength, `must have ${leastSecretLength} characters or more`)
    .max(1000)
    .regex(/^[\x21-\x7E]*$/, 'must have visible ASCII characters alone')
    .optional()
    .describe('a secret of your own; default: the server generates one, which is safer'),
  expires_in: z.int().min(60).max(tenYears).optional().describe('seconds; default: it does not expire'),
  overlap: z
    .int()
    .min(0)
    .max(tenYears)
    .optional()
    .describe("how long the client's other secrets stay valid at most, seconds; default: they stay as they are"),
});
export type NewSecret = z.infer<typeof newSecretSchema>;

/** A client's secret, without the secret. */
export const secretSchema = z.object({
  secret_id: z.uuid(),
  hint: z.string().describe('its last four characters'),
  state: z.enum(['live', 'expired']),
  one_time: z.boolean().describe('valid for one token request'),
  created_at: momentSchema,
  expires_at: momentSchema.nullable(),
  last_used_at: momentSchema.nullable().describe('some seconds late: uses are recorded in batches'),
  use_count: z.int(),
  safe_to_remove: z.boolean(),
  advice: z.string().describe('why it is safe to remove, or why not'),
});
export type Secret = z.infer<typeof secretSchema>;

export const secretListSchema = z.object({ items: z.array(secretSchema) });

/** A secret that was just made; the only time that it is shown. */
export const createdSecretSchema = secretSchema.extend({ client_id: z.string(), client_secret: z.string() });
export type CreatedSecret = z.infer<typeof createdSecretSchema>;
