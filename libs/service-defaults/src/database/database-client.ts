import { Logger } from '@nestjs/common';
import pg from 'pg';

const logger = new Logger('Database');

/**
 * A connection to Postgres whose loss is logged and does not end the process. A pool removes its listener while a
 * connection is in use, and TypeORM adds one a moment later: an `error` event in between would end the process.
 */
export class DatabaseClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    // Two errors may follow each other: the server's reason for ending the connection, and the closed socket.
    this.on('error', () => undefined);
    this.once('error', (error) => {
      logger.warn({ msg: 'a database connection was lost', connection: nameOf(config), err: error });
    });
  }
}

const nameOf = (config?: string | pg.ClientConfig) =>
  typeof config === 'object' ? config.application_name : undefined;
