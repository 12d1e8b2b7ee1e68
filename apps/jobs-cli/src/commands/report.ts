import { Argument } from 'commander';
import type { System } from '../system.ts';
import { withDistinct, type CountedColumn } from './job.ts';
import { printJson, printTable, type OutputOptions } from '@lanyard/command-line';

export const reports = {
  jobs: 'jobs by type and status',
  throughput: 'jobs that ended, by hour',
  durations: 'how long jobs waited and took, seconds',
  columns: 'a summary of each column of each file',
};

export async function report(system: System, name: keyof typeof reports, { json }: OutputOptions): Promise<void> {
  const { items } = await system.reports<{ items: object[] }>('GET', `/reports/${name}`);
  if (json) return printJson(items);
  printTable(name === 'columns' ? (items as FoundColumn[]).map(({ jobId: _, ...item }) => withDistinct(item)) : items);
}

interface FoundColumn extends CountedColumn {
  jobId: string;
}

report.argument = new Argument(
  '[name]',
  Object.entries(reports)
    .map(([name, about]) => `${name}: ${about}`)
    .join('; '),
)
  .choices(Object.keys(reports))
  .default('jobs');
