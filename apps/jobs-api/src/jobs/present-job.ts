import type { Job as JobDescription } from '@lanyard/jobs-contract';
import type { Job } from './job.entity.ts';

/** A job as lists show it: without the result, which can be large. */
export function presentListed(job: Job): object {
  const { result: _, ...listed } = presentJob(job);
  return listed;
}

/** Leaves out internal columns. */
export function presentJob(job: Job): Record<keyof JobDescription, unknown> {
  const { leasedBy: _1, leaseToken: _2, idempotencyKey: _3, requestDigest: _4, ...shown } = job;
  return shown;
}
