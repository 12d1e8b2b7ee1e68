import type { System } from '../system.ts';
import type { Job, JobPage } from '@lanyard/jobs-contract';
import { withDistinct } from './job.ts';
import { counted, print, printJson, printTable, visible, type OutputOptions } from '@lanyard/command-line';

export async function list(
  system: System,
  { status, limit, json }: OutputOptions & { status?: string; limit: number },
): Promise<void> {
  const query = new URLSearchParams({ limit: String(Math.min(limit, 200)), ...(status && { status }) });
  const { items, next } = await system.jobs<JobPage>('GET', `/jobs?${query}`);
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
  if (next !== null) print(`the first ${items.length}; for more: --limit <number>, up to 200`);
}

export async function show(system: System, id: string, { json }: OutputOptions): Promise<void> {
  const job = await system.jobs<Job>('GET', `/jobs/${encodeURIComponent(id)}`);
  if (json) return printJson(job);
  print(`${visible(job.payload.name)}: ${job.status}, attempt ${job.attempts} of ${job.maxAttempts}`);
  if (job.failure) print(`last failure: ${visible(job.failure)}`);
  if (job.result) {
    const { rows, delimiter, charset } = job.result;
    const format = [delimiter && `separated by ${JSON.stringify(delimiter)}`, charset];
    print([counted(rows, 'row'), ...format].filter(Boolean).join(', '));
    printTable(job.result.columns.map(withDistinct), ['name', 'type', 'empty', 'distinct', 'min', 'max', 'mean']);
  }
}
