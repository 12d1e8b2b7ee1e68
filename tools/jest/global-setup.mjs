/** A real Postgres for the projects that have integration tests; each test file makes databases of its own in it. */
import { globSync } from 'node:fs';
import { startEmbeddedPostgres } from '@lanyard/testing/embedded-postgres';

export default async function globalSetup(_, { rootDir }) {
  if (globSync('src/**/*.integration.spec.ts', { cwd: rootDir }).length === 0) return;
  const postgres = await startEmbeddedPostgres({ durable: false });
  process.env.TEST_DATABASE_URL = postgres.url;
  globalThis.embeddedPostgres = postgres;
}
