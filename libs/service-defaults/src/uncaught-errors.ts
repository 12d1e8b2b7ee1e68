import type { Server } from 'node:net';
import { inspect } from 'node:util';
import type { Logger } from 'pino';
import { createLogger } from './logging/logger.ts';

/**
 * Logs an uncaught error or rejection and exits with 1: the state of the service is unknown from then on, and the
 * platform restarts it.
 */
export function endOnUncaughtErrors(service: string): void {
  process.on('uncaughtException', (error: unknown, origin) => {
    const err = error instanceof Error ? error : new Error(inspect(error));
    createLogger(service, 'fatal').fatal({ msg: 'ended by an uncaught error', origin, err });
    process.exit(1);
  });
}

/** Logs that a connection could not be accepted, for example for lack of file descriptors; the service continues. */
export function logServerErrors(server: Server, logger: Logger): void {
  server.on('error', (error) => logger.error({ msg: 'a connection could not be accepted', err: error }));
}
