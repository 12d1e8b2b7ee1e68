/** What a project's tests share: the project's own setup, or a real Postgres where it has integration tests. */
import { existsSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@lanyard/embedded-postgres';

export default async function globalSetup(_, { rootDir }) {
  const own = join(rootDir, 'src/global-setup.ts');
  if (existsSync(own)) {
    globalThis.stopShared = await (await import(own)).default();
  } else if (!process.env.TEST_DATABASE_URL && globSync('src/**/*.integration.spec.ts', { cwd: rootDir }).length > 0) {
    const postgres = await startEmbeddedPostgres({ durable: false });
    process.env.TEST_DATABASE_URL = postgres.url;
    globalThis.stopShared = () => postgres.stop();
  }
}
