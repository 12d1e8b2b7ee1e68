import type { Socket } from 'node:net';
import type pg from 'pg';
import { DatabaseClient } from './database-client.ts';

/** Longer than any statement may take, and longer than a connection may stay idle, ms. */
const readTimeout = 15_000;

/**
 * A connection to Postgres with a read timeout: it is closed if no byte arrives for 15 seconds. Otherwise, a connection
 * that was cut without a reset would keep its caller waiting until the kernel gives up, after a quarter of an hour.
 */
export class ReadTimeoutClient extends DatabaseClient {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.once('connect', () => {
      const socket = this.connection.stream as Socket;
      socket.setTimeout(readTimeout, () => socket.destroy(timedOut()));
    });
  }
}

const timedOut = () => Object.assign(new Error('the database server does not answer'), { code: 'ETIMEDOUT' });
