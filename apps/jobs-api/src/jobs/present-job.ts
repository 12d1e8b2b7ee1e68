import type { Job as JobDescription } from '@lanyard/jobs-contract';
import type { Job } from './job.entity.ts';

/** What a list shows: results can be large. */
export function presentListed(job: Job): object {
  const { result: _, ...listed } = presentJob(job);
  return listed;
}

/** Leaves out what is between the service and its database. */
export function presentJob(job: Job): Record<keyof JobDescription, unknown> {
  const { leasedBy: _1, leaseToken: _2, idempotencyKey: _3, requestDigest: _4, ...shown } = job;
  return shown;
}
