import { runProgram } from '@lanyard/command-line';
import { Command, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import { ComposeProject } from '@lanyard/local-system/compose';
import {
  composeDeployment,
  deploymentOfFolder,
  type Found,
  type Outcome,
  runAttacks,
  targetOf,
} from '@lanyard/attacks';
import { faultsOf, fuzz, type FuzzReport, unjudgedOf } from '@lanyard/attacks/fuzz';

const print = (text = '') => void process.stdout.write(`${text}\n`);

interface Options {
  compose?: string | true;
  only?: string;
  json?: boolean;
  fuzz?: number;
  seed: number;
}

const program = new Command('npm run attack --')
  .description('attacks a running deployment in every way we know, and reports what stops each attack')
  .addOption(
    new Option(
      '--compose [project]',
      'the containers of docker compose, instead of `npm start`; COMPOSE_PROJECT_NAME or lanyard',
    ),
  )
  .addOption(new Option('--only <text>', 'run only the attacks with this text in their name'))
  .addOption(new Option('--json', 'print JSON'))
  .addOption(
    new Option('--fuzz <requests>', 'instead, send this many malformed requests to all endpoints').argParser(number),
  )
  .addOption(
    new Option('--seed <number>', 'the seed of these requests: the same seed repeats them')
      .argParser(number)
      .default(1),
  )
  .addHelpText('after', help())
  .action(run);
await runProgram(program);

function number(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
}

async function run(options: Options): Promise<void> {
  const { compose } = options;
  const deployment = compose
    ? await composeDeployment(
        await ComposeProject.running(compose === true ? process.env.COMPOSE_PROJECT_NAME || 'lanyard' : compose),
      )
    : await deploymentOfFolder(process.env);
  const close = deployment.close.bind(deployment);
  // Not `once`: npm forwards a Ctrl-C that the terminal has already sent.
  process.on('SIGINT', () => void close().finally(() => process.exit(130)));
  const { issuer, jobsApi, batchProcessor } = deployment;
  if (!options.json) print(`${pc.bold('Attacks')} on ${issuer}, ${jobsApi}, ${batchProcessor}`);
  try {
    const isStopped =
      options.fuzz === undefined
        ? await attack(deployment, options)
        : await sendMalformed(deployment, options.fuzz, options);
    if (!isStopped) process.exitCode = 1;
  } finally {
    await close();
  }
}

/** @returns whether all were stopped */
async function attack(deployment: Found, { only, json }: Options): Promise<boolean> {
  let lesson = '';
  const outcomes = await runAttacks(deployment, {
    only,
    onOutcome: (outcome) => {
      if (json) return;
      if (outcome.lesson !== lesson) print(`\n${pc.bold(outcome.lesson)}`);
      ({ lesson } = outcome);
      print(describe(outcome));
    },
  });
  if (outcomes.length === 0) throw new Error(`no attack has "${only}" in its name`);
  const count = (result: Outcome['result']) => outcomes.filter((outcome) => outcome.result === result).length;
  if (json) print(JSON.stringify(outcomes.map(plain), undefined, 2));
  else print(`\n${count('stopped')} stopped, ${count('not stopped')} not stopped, ${count('left out')} left out`);
  return count('not stopped') === 0;
}

function plain({ lesson, attack: { run: _, ...attack }, result, answer }: Outcome): object {
  return { lesson, ...attack, result, answer };
}

function describe({ attack, result, answer }: Outcome): string {
  const mark = { stopped: pc.green('✓'), 'not stopped': pc.red('✗'), 'left out': pc.yellow('–') }[result];
  const verdict = { stopped: 'answered ', 'not stopped': pc.red('NOT STOPPED'), 'left out': 'left out ' }[result];
  return [
    `  ${mark} ${pc.bold(attack.name)}  ${pc.dim(attack.rule)}`,
    `      tried     ${attack.tries}`,
    ...(result === 'stopped' ? [`      stopped   ${attack.stoppedBy}`] : []),
    `      ${verdict} ${answer}`,
  ].join('\n');
}

/** @returns whether no fault was found */
async function sendMalformed(deployment: Found, requests: number, { seed }: Options): Promise<boolean> {
  const target = await targetOf(deployment);
  const onProgress = ({ requests: sent, seconds, memory }: FuzzReport) => {
    const now = memory.map(({ resident }) => Math.round(resident.at(-1)!));
    print(`  ${sent} requests, ${Math.round(sent / seconds)}/s; memory ${now.join(', ')} MB`);
  };
  const report = await fuzz(target, { requests, seed, onProgress }).finally(() => target.canary.stop());
  print(
    `\n${report.requests} requests over ${report.endpoints} endpoints in ${Math.round(report.seconds)} s, seed ${seed}`,
  );
  for (const [status, count] of Object.entries(report.statuses)) print(`  ${status.padEnd(7)} ${count}`);
  for (const service of report.memory) print(`memory of ${service.url}: ${service}`);
  const faults = faultsOf(report);
  for (const fault of faults.slice(0, 10)) print(pc.red(fault));
  const unjudged = unjudgedOf(report);
  if (unjudged.length > 0) print(`memory growth was not judged for ${unjudged.join(', ')}`);
  if (faults.length === 0) print(`no 5xx, no restart${unjudged.length < report.memory.length ? ', no growth' : ''}`);
  return faults.length === 0;
}

function help(): string {
  return `
Settings:
  LANYARD_DIRECTORY       .lanyard by default: the clients’ secrets, the path of the signing key, and the addresses
  ISSUER, JOBS_API_URL, BATCH_PROCESSOR_URL  default: the addresses of the deployment that these secrets belong to
  FORWARD_AUTH_URL        the address of a rule of forward-auth, if it runs: a token of batch-processor must satisfy it
  SAMPLES                 3000: how many guesses of each kind are timed, if the server only observes limits

Attack only your own deployments.`;
}
