import { z } from 'zod';

const count = z.int().min(0);
/** JSON readers may round an integer over 2^53, RFC 8259 section 6. */
const found = z.union([
  z
    .number()
    .refine((number) => !Number.isInteger(number) || Number.isSafeInteger(number), {
      error: 'an integer over 2^53 must be a string',
    })
    .nullable(),
  z.string(),
]);

/** The summary of one column. */
const columnSummarySchema = z.strictObject({
  name: z.string(),
  type: z.string(),
  empty: count,
  distinct: count,
  distinctExact: z.boolean().optional().describe('false: there are more distinct values than the count'),
  min: found,
  max: found,
  mean: found,
});
export type ColumnSummary = z.infer<typeof columnSummarySchema>;

/** The result of summarize-csv, which reports also read. */
export const csvSummarySchema = z.strictObject({
  charset: z.string().max(40).optional().describe('the character set of the file'),
  delimiter: z
    .string()
    .max(2)
    .nullable()
    .optional()
    .describe('the character that separated the values; null: there is one column'),
  rows: count,
  columns: z.array(columnSummarySchema).max(1000),
});
export type CsvSummary = z.infer<typeof csvSummarySchema>;
