import { z } from 'zod';
import { csvSummarySchema } from './csv-summary.ts';

export const jobStatuses = ['pending', 'running', 'succeeded', 'failed'] as const;
export type JobStatus = (typeof jobStatuses)[number];

/** Postgres cannot store NUL, and control characters have no place in names. */
const name = z
  .string()
  .min(1)
  .max(255)
  // oxlint-disable-next-line no-control-regex -- that is what it is about
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, 'must have no control characters');

const fileId = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be the id of an uploaded file')
  .describe('the SHA-256 of an uploaded file');

const delimiter = z
  .string()
  // oxlint-disable-next-line no-control-regex -- Postgres stores no NUL
  .regex(/^[^"\r\n\u0000]$/u, 'must be one character, but not a quote or line end')
  .describe('the character that separates the values; by default detected from the beginning of the file');

const charset = z
  .string()
  .max(40)
  .refine(isCharset, 'must be a label of the Encoding Standard, such as windows-1252')
  .describe('the character set of the file; by default from its byte order mark, or UTF-8');

const csvPayload = z.strictObject({ file: fileId, name, delimiter: delimiter.optional(), charset: charset.optional() });

/** The types of jobs and the payload of each. */
export const newJobSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('summarize-csv'),
    payload: csvPayload,
    maxAttempts: z.int().min(1).max(20).default(5),
  }),
]);
export type NewJob = z.infer<typeof newJobSchema>;

function isCharset(label: string): boolean {
  try {
    return new TextDecoder(label) instanceof TextDecoder;
  } catch {
    return false;
  }
}

export const jobIdSchema = z.uuid();

const moment = z.iso.datetime();

/** A job in responses of the jobs API. */
export const jobSchema = z.object({
  id: jobIdSchema,
  type: z.string(),
  payload: csvPayload,
  status: z.enum(jobStatuses),
  attempts: z.int(),
  maxAttempts: z.int(),
  availableAt: moment.describe('the job cannot be claimed before this time'),
  leaseExpiresAt: moment.nullable(),
  result: csvSummarySchema.nullable(),
  failure: z.string().nullable().describe('why the last attempt failed'),
  requestId: z
    .string()
    .describe('the id of the request that created the job; every service that works on the job logs it'),
  createdBy: z.string().describe('client_id'),
  createdAt: moment,
  startedAt: moment.nullable(),
  finishedAt: moment.nullable(),
});

export type Job = z.infer<typeof jobSchema>;

export const jobQuerySchema = z.strictObject({
  status: z.enum(jobStatuses).optional(),
  type: z.string().max(100).optional(),
  createdBy: z.string().max(255).optional().describe('client_id'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  after: jobIdSchema.optional().describe('the last id of the previous page'),
});
export type JobQuery = z.infer<typeof jobQuerySchema>;

export const jobPageSchema = z.object({
  items: z.array(jobSchema.omit({ result: true })).describe('jobs without their results'),
  next: z.string().nullable().describe('the path of the next page'),
});

export interface JobPage {
  items: Omit<Job, 'result'>[];
  next: string | null;
}
