import { z } from 'zod';
import { registrySchema } from './registry-file.ts';

/** How much one request may apply: what it takes to validate and to write must delay no other request for long. */
export const registryLimits = { clients: 5000, resources: 1000, values: 100_000 } as const;

/** Before anything is validated, which takes a thousand times as long. */
function requireBounded(registry: z.input<typeof registrySchema>, context: z.RefinementCtx) {
  const tooMany = (message: string, path: string[] = []) => {
    context.addIssue({ code: 'custom', path, message, continue: false });
    return z.NEVER;
  };
  for (const list of ['clients', 'resources'] as const) {
    const limit = registryLimits[list];
    const length: unknown = registry?.[list]?.length;
    if (typeof length === 'number' && length > limit) return tooMany(`has more than ${limit} ${list}`, [list]);
  }
  if (hasMoreValues(registry, registryLimits.values)) return tooMany(`has more than ${registryLimits.values} values`);
  return registry;
}

/** Whether JSON has more values than so many, those inside others included. */
function hasMoreValues(json: unknown, limit: number): boolean {
  const left = [json];
  for (let count = 1; left.length > 0;) {
    const value = left.pop();
    if (typeof value !== 'object' || value === null) continue;
    for (const key in value) {
      left.push((value as Record<string, unknown>)[key]);
      if (++count > limit) return true;
    }
  }
  return false;
}

/** A registry to be brought about. */
export const registryApplicationSchema = z.strictObject({
  registry: z.preprocess(requireBounded, registrySchema),
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
