import { limits } from './administration-limits.ts';

/**
 * The data source of acts that take access away. What is read before them, revocations by clients, look-ups of clients and
 * the notices of registry changes have the default one (docs/decisions/0019).
 */
export const emergencies = 'emergencies';

/** The data source of administration that can wait. */
export const bulk = 'bulk';

/** How many connections each of them has at most, besides `DATABASE_POOL_SIZE`. */
export const poolSizes = {
  /** of two administrators, since there is no limit for all together */
  emergencies: 2 * limits.emergency.perAdministrator,
  /** one for each request that is let in */
  bulk: limits.bulk.ofAll + limits.write.ofAll + limits.read.ofAll,
};
