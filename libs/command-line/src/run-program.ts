import { CommanderError, type Command } from 'commander';
import { CallError } from './call-error.ts';
import { visible } from './output.ts';
import { UsageError } from './usage-error.ts';

/**
 * Runs a command line to its end. What goes wrong is told in one line, as JSON where `--json` is given, and ends the process
 * with 1, or with 2 where the command was not given what it needs.
 */
export async function runProgram(program: Command): Promise<void> {
  // Whoever reads may go before everything is told, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
  adapt(program);
  try {
    await program.parseAsync();
  } catch (error) {
    process.exitCode = tell(error);
  }
}

const isJson = () => process.argv.includes('--json');

/** Commander's own errors end with 2, and with where the help is instead of the help. */
function adapt(command: Command, parents = ''): void {
  const name = `${parents}${command.name()}`;
  command.exitOverride().showHelpAfterError(isJson() ? false : `see: ${name} --help`);
  command.configureOutput({
    outputError: (text, write) =>
      write(isJson() ? `${JSON.stringify({ error: text.replace(/^error: /, '').trim() })}\n` : text),
  });
  for (const child of command.commands) adapt(child, `${name} `);
}

/** @returns the exit code */
function tell(error: unknown): number {
  // It has told itself what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const message = error instanceof Error ? error.message : String(error);
  const details = error instanceof CallError ? { status: error.status, problem: error.problem } : {};
  const text = isJson() ? JSON.stringify({ error: message, ...details }) : visible(message);
  process.stderr.write(`${text}\n`);
  return error instanceof UsageError ? 2 : 1;
}
