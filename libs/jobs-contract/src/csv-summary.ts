import { z } from 'zod';

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

/** What summarize-csv found in one column. */
const columnSummarySchema = z.strictObject({
  name: z.string(),
  type: z.string(),
  empty: count,
  distinct: count,
  distinctExact: z.boolean().optional().describe('false: there are more than are counted'),
  min: found,
  max: found,
  mean: found,
});
export type ColumnSummary = z.infer<typeof columnSummarySchema>;

/** What summarize-csv found, which reports read again. */
export const csvSummarySchema = z.strictObject({
  charset: z.string().max(40).optional().describe('the character set that the file was read in'),
  delimiter: z.string().max(2).nullable().optional().describe('what separated the values; null: there is one column'),
  rows: count,
  columns: z.array(columnSummarySchema).max(1000),
});
export type CsvSummary = z.infer<typeof csvSummarySchema>;
