import { clientIdSchema, nameSchema, scopeValueSchema } from '@lanyard/administration';
import { z } from 'zod';

export const clientQuerySchema = z.strictObject({
  q: nameSchema.optional().describe('part of the client_id or client_name, case-insensitive'),
  scope: scopeValueSchema.optional().describe('clients that may have this scope value'),
  disabled: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
  after: clientIdSchema.optional().describe('the last client_id of the previous page'),
});
export type ClientQuery = z.infer<typeof clientQuerySchema>;
