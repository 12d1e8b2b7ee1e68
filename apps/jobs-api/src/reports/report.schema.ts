import { momentQuery } from '@lanyard/service-defaults';
import { z } from 'zod';

const moment = momentQuery.describe('ISO 8601 with an offset');
const period = { from: moment.optional(), to: moment.optional() };

export const periodSchema = z.strictObject(period);
export type Period = z.infer<typeof periodSchema>;

export const throughputQuerySchema = z.strictObject({
  ...period,
  interval: z.enum(['minute', 'hour', 'day']).default('hour'),
});
export type ThroughputQuery = z.infer<typeof throughputQuerySchema>;

export const columnsQuerySchema = z.strictObject({
  jobId: z.uuid().optional(),
  file: z.string().max(255).optional().describe('the file name with which the job was created'),
  limit: z.coerce.number().int().min(1).max(100).default(50).describe('how many of the newest jobs to include'),
});
export type ColumnsQuery = z.infer<typeof columnsQuerySchema>;

const seconds = z.number().describe('seconds');
export const jobsReportSchema = z.object({
  items: z.array(z.object({ type: z.string(), status: z.string(), jobs: z.int() })),
});
export const throughputReportSchema = z.object({
  interval: z.string(),
  items: z.array(z.object({ start: z.iso.datetime(), succeeded: z.int(), failed: z.int() })),
});
export const durationsReportSchema = z.object({
  items: z.array(
    z.object({
      type: z.string(),
      jobs: z.int(),
      waitedMean: seconds,
      mean: seconds,
      p50: seconds,
      p95: seconds,
      max: seconds,
    }),
  ),
});
export const columnsReportSchema = z.object({
  items: z.array(
    z.object({
      jobId: z.uuid(),
      file: z.string(),
      rows: z.int(),
      column: z.string(),
      type: z.string(),
      empty: z.int(),
      distinct: z.int(),
      distinctExact: z.boolean().describe('false: there are more distinct values than the count'),
      min: z.unknown(),
      max: z.unknown(),
      mean: z.unknown(),
    }),
  ),
});
