import { explain } from './startup-failure.ts';

/** Runs a migration step. The exit code is 0, or 1 with one line for each reason. */
export async function runMigration(
  service: string,
  migrate: (environment: NodeJS.ProcessEnv, say: (line: string) => void) => Promise<void>,
): Promise<void> {
  const say = (line: string) => process.stdout.write(`${service} migration: ${line}\n`);
  try {
    await migrate(process.env, say);
    say('up to date');
  } catch (error) {
    for (const line of explain(error, 'MIGRATION_DATABASE_URL'))
      process.stderr.write(`${service} migration failed: ${line}\n`);
    process.exitCode = 1;
  }
}
