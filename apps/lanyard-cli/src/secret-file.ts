import { writePrivateFile } from '@lanyard/administration';

/** Like `writePrivateFile`; a secret that cannot be written is shown. */
export function writeSecretFile(file: string, secret: string): void {
  try {
    writePrivateFile(file, secret);
  } catch (error) {
    // Better shown than lost.
    process.stderr.write(`${secret}\n`);
    throw new Error(`${file} cannot be written (${(error as NodeJS.ErrnoException).code}): the secret is above, once`, {
      cause: error,
    });
  }
}
