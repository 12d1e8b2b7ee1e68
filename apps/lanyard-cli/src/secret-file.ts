import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Replaces the file as a whole, readable for its owner alone: whoever reads it finds the old secret or the new one. */
export function writeSecretFile(file: string, secret: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, secret, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch (error) {
    // Better shown than lost.
    process.stderr.write(`${secret}\n`);
    throw new Error(`${file} cannot be written (${(error as NodeJS.ErrnoException).code}): the secret is above, once`, {
      cause: error,
    });
  }
}
