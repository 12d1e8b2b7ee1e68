import type { FastifyInstance } from 'fastify';

/**
 * Requests that have come in with one turn of the event loop are handled together at its end, step by step: what a step
 * needs of code and tables is then in the processor's caches for all but the first (docs/decisions/0014).
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
