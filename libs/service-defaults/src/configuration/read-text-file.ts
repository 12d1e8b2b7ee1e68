import { readFileSync } from 'node:fs';
import { decodeText } from '@lanyard/oauth-protocol';
import { ConfigurationError } from './startup-error.ts';

/**
 * @param setting  the variable that names the file
 * @throws {ConfigurationError}  if it cannot be read, or is not text
 */
export function readTextFile(setting: string, file: string): string {
  const bytes = readFile(setting, file);
  try {
    return decodeText(bytes);
  } catch (error) {
    throw new ConfigurationError(`${setting}: ${file} ${(error as Error).message}`);
  }
}

/** @throws {ConfigurationError}  if it cannot be read */
export function readFile(setting: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ConfigurationError(`${setting} cannot be read (${(error as NodeJS.ErrnoException).code}): ${file}`);
  }
}
