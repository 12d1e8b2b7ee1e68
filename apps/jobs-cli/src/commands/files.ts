import type { FilePage } from '@lanyard/jobs-contract';
import type { System } from '../system.ts';
import { print, printJson, type OutputOptions } from '@lanyard/command-line';

export async function files(system: System, { json }: OutputOptions): Promise<void> {
  let page = await system.jobs<FilePage>('GET', '/files?limit=200');
  const { used, allowed } = page;
  const { items } = page;
  while (page.next !== null) {
    page = await system.jobs<FilePage>('GET', page.next);
    items.push(...page.items);
  }
  if (json) return printJson({ items, used, allowed });
  // Not a table: it would cut off the ids, and `delete-file` needs them in full.
  for (const { id, size, createdAt } of items.toSorted((a, b) => a.createdAt.localeCompare(b.createdAt))) {
    print(`${id}  ${createdAt}  ${megabytes(size)}`);
  }
  print(`${used.files} of ${allowed.files} files, ${megabytes(used.bytes)} of ${megabytes(allowed.bytes)} are used`);
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

export async function deleteFile(system: System, id: string): Promise<void> {
  await system.jobs('DELETE', `/files/${encodeURIComponent(id)}`);
  print(`deleted ${id}`);
}
