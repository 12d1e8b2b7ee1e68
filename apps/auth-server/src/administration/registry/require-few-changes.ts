import { registryLimits } from '@lanyard/administration';
import { conflict } from '@lanyard/service-defaults';

/**
 * With `prune`, a short file could change everything that is registered. One request may change only as much as it may
 * list, since revocations wait while it writes.
 */
export function requireFewChanges(kind: 'clients' | 'resources', changes: number): void {
  const limit = registryLimits[kind];
  if (changes <= limit) return;
  const detail = `${changes} ${kind} would change or be deleted, but at most ${limit} may at once: list more of them, or delete some of them first, one by one`;
  throw conflict('too-many-changes', 'Too many changes', detail);
}
