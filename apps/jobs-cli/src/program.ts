import { positive, versionIn } from '@lanyard/command-line';
import { Command, Option } from 'commander';
import { deleteFile, files } from './commands/files.ts';
import { list, show } from './commands/list.ts';
import { report, reports } from './commands/report.ts';
import { retry, run } from './commands/run.ts';
import { submit } from './commands/submit.ts';
import { connect } from './system.ts';

/** `npm run jobs -- …`: submits jobs, watches them, reads their reports; an ordinary client of the jobs API. */
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
    .option('--once', 'skip files that were already submitted with --once: same name, same content')
    .option('--no-run', 'leave the jobs to the next scheduled run')
    .option('--no-wait', 'do not wait for the results')
    .option(
      '--delimiter <character>',
      'the character that separates the values, or "tab"; by default detected in each file',
      delimiter,
    )
    .option('--charset <name>', 'the character set of the files, for example windows-1252; by default UTF-8 or UTF-16')
    .option('--timeout <seconds>', 'the maximum time to wait', positive)
    .option('--json', 'print JSON')
    .action((files: string[], options) => submit(system, files, options));
  program
    .command('list')
    .description('list jobs, newest first')
    .addOption(
      new Option('--status <status>', 'only jobs of this status').choices([
        'pending',
        'running',
        'succeeded',
        'failed',
      ]),
    )
    .option('--limit <number>', 'how many jobs', positive, 20)
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
    .description('return a failed job to the queue, with all its attempts')
    .argument('<id>')
    .action((id: string) => retry(system, id));
  program
    .command('files')
    .description('list the uploaded files, oldest first, and how much of the quota they use')
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

Environment, already set in the container of \`docker compose\`:
  SECRETS_DIRECTORY    .lanyard/secrets by default, with <client_id>/client_secret and the deployment's addresses
  ISSUER, JOBS_API_URL, BATCH_PROCESSOR_URL  default: the addresses of the deployment that these secrets belong to
  CLIENT_ID, CLIENT_SECRET_FILE  the client to act as; default: jobs-cli, with its secret in SECRETS_DIRECTORY
If the services identify themselves by other names, for example in a container network:
  ISSUER_ADDRESS            the address of the issuer, if it differs from its name
  JOBS_API_RESOURCE         the jobs API's resource identifier; default: its address
  BATCH_PROCESSOR_RESOURCE  the batch processor's resource identifier; default: its address
  ALLOW_INSECURE_REQUESTS   true: plain http to other hosts, only in a closed network
`;
