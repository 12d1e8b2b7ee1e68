import { readFileSync } from 'node:fs';
import { UsageError } from '@lanyard/command-line';

/** @throws {UsageError}  if the file cannot be read */
export function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
}
