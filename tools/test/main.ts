import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, rmSync } from 'node:fs';

/** All tests of the targets (`test,e2e`) through Nx, and one closing line with their number. */
rmSync('.jest', { recursive: true, force: true });
const [targets = '', ...rest] = process.argv.slice(2);
const { status } = spawnSync('nx', ['run-many', '-t', targets, '--parallel=1', ...rest], {
  stdio: 'inherit',
});
const results = globSync('.jest/@lanyard/*.json').map(
  (file) =>
    JSON.parse(readFileSync(file, 'utf8')) as {
      numPassedTests: number;
      numFailedTests: number;
      numFailedTestSuites: number;
    },
);
const sum = (name: keyof (typeof results)[number]) => results.reduce((total, result) => total + result[name], 0);
// A suite that could not even start counts as one, and so does a run that failed before any test.
const failed = Math.max(sum('numFailedTests'), sum('numFailedTestSuites'), status === 0 ? 0 : 1);
process.stdout.write(`${sum('numPassedTests')} passed, ${failed} failed\n`);
process.exitCode = failed === 0 && results.length > 0 ? 0 : 1;
