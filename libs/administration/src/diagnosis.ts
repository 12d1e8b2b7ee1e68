import { z } from 'zod';

/** What was looked at, and what was found. */
export const findingSchema = z.object({
  check: z.string(),
  status: z.enum(['ok', 'warning', 'failure']),
  detail: z.string(),
});
export type Finding = z.infer<typeof findingSchema>;

export const diagnosisSchema = z.object({ items: z.array(findingSchema) });
