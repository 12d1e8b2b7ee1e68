/** Runs the tests of one project; writes the counts to .jest/ for the closing line of `npm test`. */
import '../require-node.mjs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [project, ...rest] = process.argv.slice(2);
const { name } = JSON.parse(readFileSync(`${project}/package.json`, 'utf8'));
const modules = fileURLToPath(new URL('../../node_modules', import.meta.url));
mkdirSync('.jest/@lanyard', { recursive: true });
// Ctrl-C also reaches the run; this process cleans up after it.
let run;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => run?.kill(signal));
// Removed at the end, with everything that tests leave behind. The user of an embedded Postgres must be able to enter
// it.
const TMPDIR = mkdtempSync(join(tmpdir(), 'lanyard-tests-'));
chmodSync(TMPDIR, 0o711);
run = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    '--conditions=@lanyard/source',
    join(modules, 'jest/bin/jest.js'),
    '--config=jest.config.mjs',
    `--rootDir=${project}`,
    `--cacheDirectory=${join(modules, '.cache/jest')}`,
    '--passWithNoTests',
    '--json',
    `--outputFile=.jest/${name}.json`,
    ...rest,
  ],
  { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, TMPDIR } },
);
const [status] = await once(run, 'exit');
// After an interrupt, an embedded Postgres may still write there, and removes its own folder.
try {
  rmSync(TMPDIR, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
} catch (error) {
  process.stderr.write(`${error.message}\n`);
}
process.exit(status ?? 1);
