import { z } from 'zod';

/** The result of one check. */
export const findingSchema = z.object({
  check: z.string(),
  status: z.enum(['ok', 'warning', 'failure']),
  detail: z.string(),
});
export type Finding = z.infer<typeof findingSchema>;

export const diagnosisSchema = z.object({ items: z.array(findingSchema) });
