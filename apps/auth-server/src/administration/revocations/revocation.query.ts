import { clientIdSchema } from '@lanyard/administration';
import { revocationKinds } from '@lanyard/oauth-protocol';
import { z } from 'zod';

export const revocationQuerySchema = z.strictObject({
  client_id: clientIdSchema.optional().describe('revocations of the tokens of this client'),
  kind: z.enum(revocationKinds).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('the last sequence of the previous page'),
});
export type RevocationQuery = z.infer<typeof revocationQuerySchema>;
