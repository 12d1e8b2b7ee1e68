/**
 * The data source of administration that can wait. Emergencies, what is read before them, revocations, look-ups of clients and
 * the notices of registry changes have the default one (docs/decisions/0019).
 */
export const bulk = 'bulk';

/** Its connections at most, besides `DATABASE_POOL_SIZE`. */
export const bulkPoolSize = 4;
