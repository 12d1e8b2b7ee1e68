import { createProgram } from './program.ts';

try {
  await createProgram(process.env).parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
