import type { Socket } from 'node:net';
import type pg from 'pg';
import { DatabaseClient } from './database-client.ts';

/** Longer than any statement may take, and than a connection stays unused, ms. */
const patience = 15_000;

/**
 * A connection to Postgres that is given up when nothing passes for 15 seconds. One that was cut without a word would
 * else be waited for until the kernel gives up, which takes a quarter of an hour.
 */
export class PatientClient extends DatabaseClient {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.once('connect', () => {
      const socket = this.connection.stream as Socket;
      socket.setTimeout(patience, () => socket.destroy(silence()));
    });
  }
}

const silence = () => Object.assign(new Error('the database server says nothing'), { code: 'ETIMEDOUT' });
