import { z } from 'zod';
import { csvSummarySchema } from './csv-summary.ts';
import { jobIdSchema, jobSchema } from './job.ts';

const leaseSeconds = z
  .int()
  .min(1)
  .max(3600)
  .default(30)
  .describe('how long the lease lasts without a heartbeat, seconds');
const leaseToken = z.int().min(1).describe('the fencing token of the claim');

export const claimSchema = z.strictObject({
  types: z.array(z.string().max(100)).min(1).max(20).describe('the types of jobs that the worker can process'),
  max: z.int().min(1).max(100).default(10),
  leaseSeconds,
});
export type Claim = z.infer<typeof claimSchema>;

const claimedJobSchema = jobSchema.extend({
  lease: z.object({ token: leaseToken, expiresAt: z.iso.datetime() }),
});
export type ClaimedJob = z.infer<typeof claimedJobSchema>;

export const claimedSchema = z.object({
  jobs: z.array(claimedJobSchema),
  nextAt: z.iso
    .datetime()
    .nullable()
    .describe(
      'if no job was claimed: when the next retry of these types is due or the next lease expires; null if jobs were claimed: claim again',
    ),
});
export type Claimed = z.infer<typeof claimedSchema>;

export const heartbeatSchema = z.strictObject({ leaseToken, leaseSeconds });
export type Heartbeat = z.infer<typeof heartbeatSchema>;

export const completeSchema = z.strictObject({ leaseToken, result: csvSummarySchema });
export type Complete = z.infer<typeof completeSchema>;

export const completeManySchema = z.strictObject({
  jobs: z
    .array(completeSchema.extend({ id: jobIdSchema }))
    .min(1)
    .max(100)
    .refine((jobs) => new Set(jobs.map(({ id }) => id.toLowerCase())).size === jobs.length, 'must be different jobs'),
});
export type CompleteMany = z.infer<typeof completeManySchema>;

export const completedManySchema = z.object({
  succeeded: z.array(jobIdSchema).describe('jobs that ended under these leases, now or before'),
  leaseLost: z.array(jobIdSchema).describe('jobs that another worker has, that have ended, or that do not exist'),
});
export type CompletedMany = z.infer<typeof completedManySchema>;

export const failSchema = z.strictObject({
  leaseToken,
  reason: z.string().min(1).max(2000),
  retryable: z.boolean().default(true).describe('false: another attempt cannot help'),
});
export type Fail = z.infer<typeof failSchema>;

export const releaseSchema = z.strictObject({ leaseToken });
export type Release = z.infer<typeof releaseSchema>;
