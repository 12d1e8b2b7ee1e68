import { HttpException } from '@nestjs/common';
import {
  faultsInFile,
  linesIn,
  parseRegistryFile,
  RegistryFileError,
  type RegistryDescription,
} from '@lanyard/administration';
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

/** The faults that the registry finds in a description, with the lines of its file; undefined for any other error. */
export function registryFaultsOf(
  error: unknown,
  path: string,
  environment: NodeJS.ProcessEnv,
): StartupError | undefined {
  if (!(error instanceof HttpException)) return undefined;
  const { errors } = error.getResponse() as { errors?: { field: string; message: string }[] };
  if (!errors) return undefined;
  const lineAt = linesIn(readTextFile('PROVISIONING_FILE', path), path, environment);
  return new StartupError(faultsInFile(errors, lineAt).join('\n'));
}
