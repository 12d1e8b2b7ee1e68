import type { System } from '../system.ts';
import type { Job } from '@lanyard/jobs-contract';
import { print, visible } from '@lanyard/command-line';

export async function run(system: System): Promise<void> {
  const { id, started } = await system.runs<{ id: string; started: boolean }>('POST', '/runs');
  print(started ? `run ${id} started` : `run ${id} is in progress, and checks for new jobs now`);
}

export async function retry(system: System, id: string): Promise<void> {
  const job = await system.jobs<Job>('POST', `/jobs/${encodeURIComponent(id)}/retry`);
  print(`${visible(job.payload.name)}: ${job.status}; the next run processes it; start one now with \`jobs run\``);
}
