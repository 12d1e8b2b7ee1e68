import type { Server } from 'node:net';
import { inspect } from 'node:util';
import type { Logger } from 'pino';
import { createLogger } from './logging/logger.ts';

/**
 * Ends the process with 1 and a line in the log when nothing caught an error or a rejection: what state the service is
 * in is unknown from then on, and the platform starts it anew.
 */
export function endOnUncaughtErrors(service: string): void {
  process.on('uncaughtException', (error: unknown, origin) => {
    const err = error instanceof Error ? error : new Error(inspect(error));
    createLogger(service, 'fatal').fatal({ msg: 'ended by an error that nothing caught', origin, err });
    process.exit(1);
  });
}

/** A connection that could not be accepted, such as for want of file descriptors, ends nothing else. */
export function logServerErrors(server: Server, logger: Logger): void {
  server.on('error', (error) => logger.error({ msg: 'a connection could not be accepted', err: error }));
}
