import { positive, versionIn } from '@lanyard/command-line';
import { Command, Option } from 'commander';
import { deleteFile, files } from './commands/files.ts';
import { list, show } from './commands/list.ts';
import { report, reports } from './commands/report.ts';
import { retry, run } from './commands/run.ts';
import { submit } from './commands/submit.ts';
import { connect } from './system.ts';

/** `npm run jobs -- …`: submits jobs, watches them, reads their reports; a client of the jobs API like any other. */
export function createProgram(environment: NodeJS.ProcessEnv): Command {
  const system = connect(environment);
  const program = new Command('jobs')
    .description('Submit jobs, watch them, read their reports. It obtains its own access tokens.')
    .version(versionIn(new URL('../package.json', import.meta.url)))
    .addHelpText('after', help);

  program
    .command('submit')
    .description('upload CSV files, create a job for each, start a run, and wait for the results')
    .argument('<files...>', 'CSV files with a header')
    .option('--once', 'leave out what was submitted with --once before: same name, same content')
    .option('--no-run', 'leave the jobs to the next scheduled run')
    .option('--no-wait', 'do not wait for the results')
    .option('--delimiter <character>', 'what separates the values, or "tab"; found in each file by default', delimiter)
    .option('--charset <name>', 'the character set of the files, such as windows-1252; UTF-8 or UTF-16 by default')
    .option('--timeout <seconds>', 'how long to wait at most', positive)
    .option('--json', 'print JSON')
    .action((files: string[], options) => submit(system, files, options));
  program
    .command('list')
    .description('list jobs, newest first')
    .addOption(new Option('--status <status>', 'of this status').choices(['pending', 'running', 'succeeded', 'failed']))
    .option('--limit <number>', 'how many', positive, 20)
    .option('--json', 'print JSON')
    .action((options) => list(system, options));
  program
    .command('show')
    .description('show a job and its result')
    .argument('<id>')
    .option('--json', 'print JSON')
    .action((id: string, options) => show(system, id, options));
  program
    .command('report')
    .description('read a report, as the client report-generator')
    .addArgument(report.argument)
    .option('--json', 'print JSON')
    .action((name: keyof typeof reports, options) => report(system, name, options));
  program
    .command('run')
    .description('start a run of the batch processor now')
    .action(() => run(system));
  program
    .command('retry')
    .description('put a failed job back with all its attempts')
    .argument('<id>')
    .action((id: string) => retry(system, id));
  program
    .command('files')
    .description('list the uploaded files, oldest first, and how much of the quota they take')
    .option('--json', 'print JSON')
    .action((options) => files(system, options));
  program
    .command('delete-file')
    .description('delete an uploaded file that no unfinished job needs; other clients that uploaded it keep it')
    .argument('<id>')
    .action((id: string) => deleteFile(system, id));
  return program;
}

const delimiter = (text: string) => (['tab', '\\t'].includes(text) ? '\t' : text);

const help = `
Examples, with \`jobs\` for \`npm run jobs --\`, or for \`docker compose run --rm jobs\`:
  jobs submit examples/data/*.csv
  jobs list --status failed
  jobs report columns
  jobs files

Environment, which the container of \`docker compose\` has already:
  SECRETS_DIRECTORY    .lanyard/secrets by default, with <client_id>/client_secret and the deployment's addresses
  ISSUER, JOBS_API_URL, BATCH_PROCESSOR_URL  default: the addresses of the deployment that these secrets belong to
Where these are not the names that the services go by, as in a container network:
  ISSUER_ADDRESS            where the issuer is reached
  JOBS_API_RESOURCE         the jobs API's resource identifier; default: its address
  BATCH_PROCESSOR_RESOURCE  the batch processor's
  ALLOW_INSECURE_REQUESTS   true: plain http to other hosts, in a closed network only
`;
