import { z } from 'zod';
import { registrySchema } from './registry-file.ts';

/** A registry to be brought about. */
export const registryApplicationSchema = z.strictObject({
  registry: registrySchema,
  dry_run: z.boolean().default(false).describe('say what would change, and change nothing'),
  prune: z
    .boolean()
    .default(false)
    .describe('delete clients and resources that are not listed; never a client that may administer'),
});
export type RegistryApplication = z.input<typeof registryApplicationSchema>;

/** What changes, or would, in one client or resource. */
export const registryChangeSchema = z.object({
  action: z.enum(['create', 'change', 'delete']),
  kind: z.enum(['resource', 'client']),
  id: z.string(),
  fields: z
    .array(z.object({ field: z.string(), from: z.unknown(), to: z.unknown() }))
    .describe('empty where something is deleted'),
});
export type RegistryChange = z.infer<typeof registryChangeSchema>;

export const registryChangesSchema = z.object({
  applied: z.boolean(),
  changes: z.array(registryChangeSchema),
  without_secret: z.array(z.string()).describe('clients of the file that have no secret that is valid'),
});
export type RegistryChanges = z.infer<typeof registryChangesSchema>;
