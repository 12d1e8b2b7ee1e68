import { type EntityManager } from 'typeorm';
import { advisoryLocks } from '../advisory-locks.ts';

/** Scopes are unique over all resources, and clients rely on them: one change of resources at a time. */
export const lockResources = (manager: EntityManager): Promise<unknown> =>
  manager.query('SELECT pg_advisory_xact_lock($1)', [advisoryLocks.resources]);

/** Prevents changes of resources until the transaction ends. Take it before the lock of any row. */
export const shareResources = (manager: EntityManager): Promise<unknown> =>
  manager.query('SELECT pg_advisory_xact_lock_shared($1)', [advisoryLocks.resources]);
