import { join } from 'node:path';
import { writePrivateFile } from '@lanyard/administration';

/** The addresses of a deployment, by the variables that command lines read. */
const names = ['ISSUER', 'JOBS_API_URL', 'BATCH_PROCESSOR_URL'];

/**
 * Writes the addresses that the secrets belong to beside them, in `<directory>/deployment.json`: command lines that
 * read a secret there send it nowhere else. Mounted secrets may be read-only.
 */
export function writeDeployment(directory: string, environment: NodeJS.ProcessEnv, say: (line: string) => void): void {
  const addresses = Object.fromEntries(names.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])));
  const file = join(directory, 'deployment.json');
  try {
    writePrivateFile(file, `${JSON.stringify(addresses, null, 2)}\n`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    say(`${file} cannot be written (${code}): command lines need ISSUER to be set`);
  }
}
