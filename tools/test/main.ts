import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';

interface Result {
  startTime: number;
  numTotalTestSuites: number;
  numPassedTests: number;
  numFailedTests: number;
  numFailedTestSuites: number;
}

/** Runs all tests of the targets (`test,e2e`) through Nx, and prints their number in the last line. */
const [targets = '', ...projectOptions] = process.argv.slice(2);
// Runs Nx by its file: on Windows, its command cannot run without a shell.
const nxFile = createRequire(import.meta.url).resolve('nx/bin/nx.js');
const nx = (command: string[], stdio: 'inherit' | 'pipe' = 'inherit') =>
  spawnSync(process.execPath, [nxFile, ...command, ...projectOptions], {
    stdio: ['inherit', stdio, 'inherit'],
    encoding: 'utf8',
  });

rmSync('.jest', { recursive: true, force: true });
const begun = Date.now();
// Builds may come from the cache; tests always run now, on this machine.
const runs = [
  ['run-many', '-t', 'build'],
  ['run-many', '-t', targets, '--parallel=1', '--skip-nx-cache', '--exclude-task-dependencies'],
];
const succeeded = runs.every((command) => nx(command).status === 0);

const tested = targets.split(',').map((target) => `--with-target=${target}`);
const projects = JSON.parse(nx(['show', 'projects', '--json', ...tested], 'pipe').stdout || '[]') as string[];
const results = projects.flatMap((project) => {
  const file = `.jest/${project}.json`;
  const result = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Result) : undefined;
  if (result && result.startTime >= begun) return result;
  process.stdout.write(`the tests of ${project} did not run\n`);
  return [];
});
const sum = (name: keyof Result) => results.reduce((total, result) => total + result[name], 0);
const missing = projects.length - results.length;
// A suite that could not even start counts as one, and so does a run that failed before any test.
const failed = Math.max(sum('numFailedTests'), sum('numFailedTestSuites'), succeeded ? 0 : 1) + missing;
const [passed, files] = [sum('numPassedTests'), sum('numTotalTestSuites')];
process.stdout.write(
  `${passed + sum('numFailedTests')} tests in ${files} files of ${results.length} projects ran, none from a cache\n`,
);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
