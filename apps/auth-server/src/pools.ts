import { limits } from './administration-limits.ts';

/**
 * The data source of acts that take access away. The reads before them, revocations by clients, look-ups of clients and
 * reads of registry changes use the default one (docs/decisions/0019).
 */
export const emergencies = 'emergencies';

/** The data source of administration that can wait. */
export const bulk = 'bulk';

/** The maximum number of connections of each, in addition to `DATABASE_POOL_SIZE`. */
export const poolSizes = {
  /** enough for two administrators, since there is no total limit */
  emergencies: 2 * limits.emergency.perAdministrator,
  /** one for each request that is admitted */
  bulk: limits.bulk.ofAll + limits.write.ofAll + limits.read.ofAll,
};
