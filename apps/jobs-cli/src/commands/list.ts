import type { System } from '../system.ts';
import type { Job } from './job.ts';
import { print, printJson, printTable, type OutputOptions } from '@lanyard/command-line';

export async function list(
  system: System,
  { status, limit, json }: OutputOptions & { status?: string; limit: number },
): Promise<void> {
  const query = new URLSearchParams({ limit: String(Math.min(limit, 200)), ...(status && { status }) });
  const { items } = await system.jobs<{ items: Job[] }>('GET', `/jobs?${query}`);
  if (json) return printJson(items);
  printTable(
    items.map((job) => ({
      id: job.id,
      file: job.payload.name,
      status: job.status,
      attempts: `${job.attempts}/${job.maxAttempts}`,
      created: job.createdAt,
      by: job.createdBy,
    })),
  );
}

export async function show(system: System, id: string, { json }: OutputOptions): Promise<void> {
  const job = await system.jobs<Job>('GET', `/jobs/${encodeURIComponent(id)}`);
  if (json) return printJson(job);
  print(`${job.payload.name}: ${job.status}, attempt ${job.attempts} of ${job.maxAttempts}`);
  if (job.failure) print(`last failure: ${job.failure}`);
  if (job.result) {
    const { rows, delimiter, charset } = job.result;
    const format = [delimiter && `separated by ${JSON.stringify(delimiter)}`, charset];
    print([`${rows} rows`, ...format].filter(Boolean).join(', '));
    printTable(job.result.columns, ['name', 'type', 'empty', 'distinct', 'min', 'max', 'mean']);
  }
}
