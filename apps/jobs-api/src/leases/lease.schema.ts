import { z } from 'zod';
import { jobIdSchema, jobSchema } from '../jobs/job.schema.ts';

const leaseSeconds = z
  .int()
  .min(1)
  .max(3600)
  .default(30)
  .describe('how long the lease lasts without a heartbeat, seconds');
const leaseToken = z.int().min(1).describe('the fencing token of the claim');

export const claimSchema = z.strictObject({
  types: z.array(z.string().max(100)).min(1).max(20).describe('the types of jobs that the worker can do'),
  max: z.int().min(1).max(100).default(10),
  leaseSeconds,
});
export type Claim = z.infer<typeof claimSchema>;

export const claimedSchema = z.object({
  jobs: z.array(jobSchema.extend({ lease: z.object({ token: leaseToken, expiresAt: z.iso.datetime() }) })),
  nextAt: z.iso
    .datetime()
    .nullable()
    .describe(
      'where there was no job: when the next one of these types becomes available, at the latest (a retry or an expiring lease); null where jobs were claimed: claim again',
    ),
});

export const heartbeatSchema = z.strictObject({ leaseToken, leaseSeconds });
export type Heartbeat = z.infer<typeof heartbeatSchema>;

const count = z.int().min(0);
/** Beyond 2^53, readers of JSON take an integer for its neighbour, RFC 8259 section 6. */
const found = z.union([
  z
    .number()
    .refine((number) => !Number.isInteger(number) || Number.isSafeInteger(number), {
      error: 'must be a string where it is an integer beyond 2^53',
    })
    .nullable(),
  z.string(),
]);

/** What summarize-csv found, which reports read again. */
const csvSummarySchema = z.strictObject({
  charset: z.string().max(40).optional().describe('the character set that the file was read in'),
  delimiter: z.string().max(2).nullable().optional().describe('what separated the values; null: there is one column'),
  rows: count,
  columns: z
    .array(
      z.strictObject({
        name: z.string(),
        type: z.string(),
        empty: count,
        distinct: count,
        distinctExact: z.boolean().optional().describe('false: there are more than are counted'),
        min: found,
        max: found,
        mean: found,
      }),
    )
    .max(1000),
});

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
  leaseLost: z.array(jobIdSchema).describe('jobs that went to another worker, or have ended, or that there are not'),
});

export const failSchema = z.strictObject({
  leaseToken,
  reason: z.string().min(1).max(2000),
  retryable: z.boolean().default(true).describe('false: another attempt cannot help'),
});
export type Fail = z.infer<typeof failSchema>;

export const releaseSchema = z.strictObject({ leaseToken });
export type Release = z.infer<typeof releaseSchema>;
