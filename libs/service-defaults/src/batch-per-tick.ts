import type { FastifyInstance } from 'fastify';

/**
 * Handles all requests that arrived in one turn of the event loop together at its end, step by step: for all but the
 * first, the code and data of a step are then in the processor's caches (docs/decisions/0014).
 */
export function batchPerTick(fastify: FastifyInstance): void {
  let endOfTurn: Promise<void> | undefined;
  fastify.addHook('preHandler', () => {
    endOfTurn ??= new Promise((resolve) => {
      setImmediate(() => {
        endOfTurn = undefined;
        resolve();
      });
    });
    return endOfTurn;
  });
}
