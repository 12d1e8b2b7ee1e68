import { parseArgs } from 'node:util';
import { startLanyard } from './start.ts';

const help = `npm start: Postgres, the three services, and the example files as jobs; Ctrl-C stops everything. No arguments.

  npm run dev     instead: restarts a service when one of its files changes
  Environment variables: AUTH_SERVER_PORT, BATCH_PROCESSOR_PORT, JOBS_API_PORT, LANYARD_DIRECTORY; docs/configuration.md lists all
`;

try {
  const { values } = parseArgs({ options: { dev: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
  if (values.help) process.stdout.write(help);
  else await startLanyard({ dev: values.dev ?? false, environment: process.env });
} catch (error) {
  if (!(error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) throw error;
  process.stderr.write(`${(error as Error).message}\n\n${help}`);
  process.exitCode = 2;
}
