import { readFileSync } from 'node:fs';
import { parseRegistryFile, RegistryFileError, type RegistryDescription } from '@lanyard/administration';
import { StartupError } from '@lanyard/service-defaults';

/**
 * Reads the resources and clients to register.
 * @throws {StartupError}  with a line for each fault
 */
export function readProvisioningFile(
  path: string,
  environment: NodeJS.ProcessEnv,
  issuer: string,
): RegistryDescription {
  try {
    return parseRegistryFile(read(path), path, environment, issuer);
  } catch (error) {
    if (error instanceof RegistryFileError) throw new StartupError(error.message);
    throw error;
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new StartupError(`PROVISIONING_FILE cannot be read (${(error as NodeJS.ErrnoException).code}): ${path}`);
  }
}
