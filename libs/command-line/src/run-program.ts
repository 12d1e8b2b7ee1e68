import { CommanderError, type Command } from 'commander';
import { CallError } from './call-error.ts';
import { visible } from './output.ts';
import { UsageError } from './usage-error.ts';

/**
 * Runs a command line to its end. Prints an error in one line, as JSON with `--json`, and sets the exit code to 1, or
 * to 2 for a usage error.
 */
export async function runProgram(program: Command): Promise<void> {
  // The reader of the output may exit early, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
  adapt(program);
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = report(error);
  }
}

const isJson = () => process.argv.includes('--json');

/**
 * Commander's own errors exit with 2, and name the help instead of printing it. A program's own options precede its
 * commands: a `jti` may begin with `-V`.
 */
function adapt(command: Command, parents = ''): void {
  const name = `${parents}${command.name()}`;
  command
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError(isJson() ? false : `see: ${name} --help`);
  command.configureOutput({
    outputError: (text, write) =>
      write(isJson() ? `${JSON.stringify({ error: text.replace(/^error: /, '').trim() })}\n` : text),
  });
  for (const child of command.commands) adapt(child, `${name} `);
}

/** @returns the exit code */
function report(error: unknown): number {
  // Commander has already printed its error.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const message = error instanceof Error ? error.message : String(error);
  const details = error instanceof CallError ? { status: error.status, problem: error.problem } : {};
  const text = isJson() ? JSON.stringify({ error: message, ...details }) : visible(message);
  process.stderr.write(`${text}\n`);
  return error instanceof UsageError ? 2 : 1;
}
