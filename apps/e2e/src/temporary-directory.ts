import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Creates a directory that the user of an embedded Postgres can traverse. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'lanyard-e2e-'));
  await chmod(directory, 0o711);
  return directory;
}
