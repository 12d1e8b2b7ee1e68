export { startEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded-postgres.ts';
export { createDatabase, type Database } from './database.ts';
export { freePort, portTaken } from './ports.ts';
