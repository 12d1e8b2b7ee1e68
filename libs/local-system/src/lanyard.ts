import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Outcome {
  code: number;
  /** standard output */
  out: string;
  /** standard error */
  err: string;
}

/** Runs a command line as a user at a shell does, with this standard input. */
const commandLine =
  (app: string) =>
  (environment: NodeJS.ProcessEnv, args: string[], input = ''): Promise<Outcome> =>
    new Promise((resolve) => {
      const program = fileURLToPath(new URL(`../../../apps/${app}/dist/main.js`, import.meta.url));
      const child = execFile(
        process.execPath,
        [program, ...args],
        { env: { PATH: process.env.PATH, NO_COLOR: '1', ...environment }, maxBuffer: 64 * 1024 * 1024 },
        (error, out, err) => resolve({ code: error ? Number(error.code) : 0, out, err }),
      );
      child.stdin?.end(input);
    });

export const lanyard = commandLine('lanyard-cli');
export const jobs = commandLine('jobs-cli');
