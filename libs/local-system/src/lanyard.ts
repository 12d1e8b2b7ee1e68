import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../apps/lanyard-cli/dist/main.js', import.meta.url));

export interface Outcome {
  code: number;
  /** standard output */
  out: string;
  /** standard error */
  err: string;
}

/** Runs `lanyard` as a user at a shell does, with this standard input. */
export function lanyard(environment: NodeJS.ProcessEnv, args: string[], input = ''): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [program, ...args],
      { env: { PATH: process.env.PATH, NO_COLOR: '1', ...environment }, maxBuffer: 64 * 1024 * 1024 },
      (error, out, err) => resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
    child.stdin?.end(input);
  });
}
