import { z } from 'zod';

/** A moment in a query, RFC 3339, with any offset, in a year that the database supports. */
export const momentQuery = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2026-01-31T12:00:00Z', abort: true })
  .transform((written) => new Date(written))
  .refine(
    (moment) => moment.getUTCFullYear() >= 1 && moment.getUTCFullYear() <= 9999,
    'must be in the years 1 to 9999',
  );
