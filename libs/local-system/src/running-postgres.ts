import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@lanyard/embedded-postgres';

/** The Postgres of the system that runs in this folder; undefined if none runs. */
export async function runningPostgres(directory: string): Promise<EmbeddedPostgres | undefined> {
  if (!existsSync(join(directory, 'postgres'))) return undefined;
  const postgres = await startEmbeddedPostgres({ directory: join(directory, 'postgres') });
  if (postgres.reused) return postgres;
  await postgres.stop();
  return undefined;
}
