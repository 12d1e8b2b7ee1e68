import { z } from 'zod';
import { registrySchema } from './registry-file.ts';

/**
 * The size of the registry that one request may apply: its validation and writing must not delay other requests for
 * long. Values are counted before they are parsed.
 */
export const registryLimits = { clients: 5000, resources: 1000, scopes: 10_000, values: 100_000 } as const;

/** Runs before the validation, which takes a thousand times as long. */
function requireBounded(registry: z.input<typeof registrySchema>, context: z.RefinementCtx) {
  for (const list of ['clients', 'resources', 'scopes'] as const) {
    if (countOf(registry, list) <= registryLimits[list]) continue;
    const path = list === 'scopes' ? ['resources'] : [list];
    context.addIssue({
      code: 'custom',
      path,
      message: `has more than ${registryLimits[list]} ${list}`,
      continue: false,
    });
    return z.NEVER;
  }
  return registry;
}

/** Counts the items in arbitrary JSON. */
function countOf(registry: z.input<typeof registrySchema>, list: 'clients' | 'resources' | 'scopes'): number {
  if (list !== 'scopes') return Array.isArray(registry?.[list]) ? registry[list].length : 0;
  const resources = Array.isArray(registry?.resources) ? registry.resources : [];
  return resources.reduce((count, resource) => count + Object.keys(resource?.scopes ?? {}).length, 0);
}

/** A registry to apply. */
export const registryApplicationSchema = z.strictObject({
  registry: z.preprocess(requireBounded, registrySchema),
  dry_run: z.boolean().default(false).describe('report the changes without making them'),
  prune: z
    .boolean()
    .default(false)
    .describe('delete clients and resources that are not listed; never a client with administrative scopes'),
});
export type RegistryApplication = z.input<typeof registryApplicationSchema>;

/** The changes of one client or resource, made or planned. */
export const registryChangeSchema = z.object({
  action: z.enum(['create', 'change', 'delete']),
  kind: z.enum(['resource', 'client']),
  id: z.string(),
  fields: z
    .array(z.object({ field: z.string(), from: z.unknown(), to: z.unknown() }))
    .describe('empty if it is deleted'),
});
export type RegistryChange = z.infer<typeof registryChangeSchema>;

export const registryChangesSchema = z.object({
  applied: z.boolean(),
  changes: z.array(registryChangeSchema),
  without_secret: z.array(z.string()).describe('clients of the file that have no valid secret'),
});
export type RegistryChanges = z.infer<typeof registryChangesSchema>;
