import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The addresses of a deployment, by the variables that command lines read. */
const names = ['ISSUER', 'JOBS_API_URL', 'BATCH_PROCESSOR_URL'];

/**
 * Writes down beside the secrets to whom they belong, `<directory>/deployment.json`: command lines that read a secret there
 * send it nowhere else. Secrets that are mounted may be read-only.
 */
export function writeDeployment(directory: string, environment: NodeJS.ProcessEnv, say: (line: string) => void): void {
  const addresses = Object.fromEntries(names.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])));
  const file = join(directory, 'deployment.json');
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(`${file}.new`, `${JSON.stringify(addresses, null, 2)}\n`);
    renameSync(`${file}.new`, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    say(`${file} cannot be written (${code}): command lines have to be given ISSUER`);
  }
}
