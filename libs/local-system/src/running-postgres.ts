import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@lanyard/embedded-postgres';

/** The Postgres of a system that runs in this folder; undefined where there is none. */
export async function runningPostgres(directory: string): Promise<EmbeddedPostgres | undefined> {
  if (!existsSync(join(directory, 'postgres'))) return undefined;
  const postgres = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
  if (postgres.reused) return postgres;
  await postgres.stop();
  return undefined;
}
