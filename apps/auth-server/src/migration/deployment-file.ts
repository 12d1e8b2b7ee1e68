import { join } from 'node:path';
import { writePrivateFile } from '@lanyard/administration';

/** The addresses of a deployment, by the variables that command lines read. */
const names = ['ISSUER', 'JOBS_API_URL', 'BATCH_PROCESSOR_URL'];

/**
 * Writes `<directory>/deployment.json`, with the addresses of the services that the secrets beside it are for: command
 * lines that read a secret there send it nowhere else. Only prints a line if it cannot, as in a read-only mount.
 */
export function writeDeployment(directory: string, environment: NodeJS.ProcessEnv, say: (line: string) => void): void {
  const addresses = Object.fromEntries(names.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])));
  const file = join(directory, 'deployment.json');
  try {
    writePrivateFile(file, `${JSON.stringify(addresses, null, 2)}\n`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    say(`${file} cannot be written (${code}): the command-line clients need ISSUER to be set`);
  }
}
