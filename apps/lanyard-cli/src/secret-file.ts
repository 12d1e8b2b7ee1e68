import { writePrivateFile } from '@lanyard/administration';

/** Like `writePrivateFile`, but prints a secret that cannot be written. */
export function writeSecretFile(file: string, secret: string): void {
  try {
    writePrivateFile(file, secret);
  } catch (error) {
    // The secret exists only here: print it rather than lose it.
    process.stderr.write(`${secret}\n`);
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(`${file} cannot be written (${code}): the secret is shown above, and only there`, { cause: error });
  }
}
