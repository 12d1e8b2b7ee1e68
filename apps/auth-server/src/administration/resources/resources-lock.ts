import { type EntityManager } from 'typeorm';

/** Any number, for this purpose alone. */
const lock = 0x1a9a_4d03;

/** Scopes are unique over all resources, and clients rely on them: one change of resources at a time. */
export const lockResources = (manager: EntityManager): Promise<unknown> =>
  manager.query('SELECT pg_advisory_xact_lock($1)', [lock]);

/** Until the transaction ends, no resource changes. Take it before the lock of any row. */
export const shareResources = (manager: EntityManager): Promise<unknown> =>
  manager.query('SELECT pg_advisory_xact_lock_shared($1)', [lock]);
