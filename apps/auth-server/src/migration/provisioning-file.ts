import { parseRegistryFile, RegistryFileError, type RegistryDescription } from '@lanyard/administration';
import { readTextFile, StartupError } from '@lanyard/service-defaults';

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
    return parseRegistryFile(readTextFile('PROVISIONING_FILE', path), path, environment, issuer);
  } catch (error) {
    if (error instanceof RegistryFileError) throw new StartupError(error.message);
    throw error;
  }
}
