import { Command, Option } from 'commander';
import pc from 'picocolors';
import { ComposeProject } from '../compose/compose-project.ts';
import { composeDeployment, deploymentOfFolder } from './deployments.ts';
import { fuzz, type FuzzReport } from './fuzz/fuzz.ts';
import { runAttacks, targetOf, type Outcome } from './run-attacks.ts';
import type { Deployment } from './target.ts';

const print = (text = '') => void process.stdout.write(`${text}\n`);

interface Options {
  compose?: string | true;
  only?: string;
  json?: boolean;
  fuzz?: number;
  seed: number;
}

const program = new Command('npm run attack --')
  .description('attacks a running deployment in every way we know, and says what stops each')
  .addOption(new Option('--compose [project]', 'the containers of docker compose, instead of `npm start`'))
  .addOption(new Option('--only <text>', 'attacks with this in their name alone'))
  .addOption(new Option('--json', 'print JSON'))
  .addOption(
    new Option('--fuzz <requests>', 'instead, so many requests with something wrong, over all endpoints').argParser(
      Number,
    ),
  )
  .addOption(new Option('--seed <number>', 'the same requests again').argParser(Number).default(1))
  .addHelpText('after', help())
  .action(run);
await program.parseAsync();

async function run({ compose, only, json, fuzz: requests, seed }: Options): Promise<void> {
  const deployment = compose
    ? await composeDeployment(ComposeProject.running(compose === true ? 'lanyard' : compose, process.env))
    : await deploymentOfFolder(process.env);
  if (requests !== undefined) {
    await runFuzz(deployment, requests, seed);
    return deployment.close();
  }
  if (!json)
    print(`${pc.bold('Attacks')} on ${deployment.issuer}, ${deployment.jobsApi}, ${deployment.batchProcessor}`);
  let lesson = '';
  const outcomes = await runAttacks(deployment, {
    only,
    told: (outcome) => {
      if (json) return;
      if (outcome.lesson !== lesson) print(`\n${pc.bold(outcome.lesson)}`);
      ({ lesson } = outcome);
      print(describe(outcome));
    },
  });
  if (json)
    print(
      JSON.stringify(
        outcomes.map(({ lesson, attack: { run: _, ...attack }, result, answer }) => ({
          lesson,
          ...attack,
          result,
          answer,
        })),
        undefined,
        2,
      ),
    );
  const count = (result: Outcome['result']) => outcomes.filter((outcome) => outcome.result === result).length;
  if (!json) print(`\n${count('stopped')} stopped, ${count('not stopped')} not stopped, ${count('left out')} left out`);
  if (count('not stopped') > 0 || outcomes.length === 0) process.exitCode = 1;
  await deployment.close();
}

async function runFuzz(deployment: Deployment, requests: number, seed: number): Promise<void> {
  print(
    `${pc.bold('Fuzzing')} ${deployment.issuer}, ${deployment.jobsApi}, ${deployment.batchProcessor}, seed ${seed}`,
  );
  const target = await targetOf(deployment);
  const told = ({ requests: sent, seconds, memory }: FuzzReport) => {
    const now = Object.values(memory).map((values) => values.at(-1));
    print(`  ${sent} requests, ${Math.round(sent / seconds)}/s; memory ${now.join(', ')} MB`);
  };
  const report = await fuzz(target, { requests, seed, told });
  await target.canary.stop();
  print(`\n${report.requests} requests over ${report.endpoints} endpoints in ${Math.round(report.seconds)} s`);
  for (const [status, count] of Object.entries(report.statuses)) print(`  ${status.padEnd(7)} ${count}`);
  for (const failure of report.failures.slice(0, 10)) print(pc.red(failure));
  print(report.failures.length === 0 ? 'no 5xx' : pc.red(`${report.failures.length} × 5xx`));
  if (report.failures.length > 0) process.exitCode = 1;
}

function describe({ attack, result, answer }: Outcome): string {
  const mark = { stopped: pc.green('✓'), 'not stopped': pc.red('✗'), 'left out': pc.yellow('–') }[result];
  const lines = [
    `  ${mark} ${pc.bold(attack.name)}  ${pc.dim(attack.rule)}`,
    `      tried     ${attack.tries}`,
    result === 'stopped' ? `      stopped   ${attack.stoppedBy}` : undefined,
    `      ${{ stopped: 'answered ', 'not stopped': pc.red('NOT STOPPED'), 'left out': 'left out ' }[result]} ${answer}`,
  ];
  return lines.filter((line) => line !== undefined).join('\n');
}

function help(): string {
  return `
Settings, with those of npm start as defaults:
  ISSUER                  http://localhost:3000
  JOBS_API_URL            http://localhost:3002
  BATCH_PROCESSOR_URL     http://localhost:3001
  LANYARD_DIRECTORY       .lanyard: the clients’ secrets, and the way to the signing key
  SAMPLES                 3000: how many guesses of each kind are timed, where the server observes limits alone

Attack deployments of your own only.`;
}
