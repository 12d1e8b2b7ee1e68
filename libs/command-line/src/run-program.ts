/** Runs a command line to its end; what goes wrong is told in one line, and ends the process with 1. */
export async function runProgram(program: { parseAsync: () => Promise<unknown> }): Promise<void> {
  // Whoever reads may go before everything is told, as `head` does.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
  try {
    await program.parseAsync();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
