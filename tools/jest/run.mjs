/** Runs one project's tests; the counts go to .jest/ for the closing line of `npm test`. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';

const [project, ...rest] = process.argv.slice(2);
const { name } = JSON.parse(readFileSync(`${project}/package.json`, 'utf8'));
const jest = new URL('../../node_modules/jest/bin/jest.js', import.meta.url).pathname;
mkdirSync('.jest/@lanyard', { recursive: true });
const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    '--conditions=@lanyard/source',
    jest,
    '--config=jest.config.mjs',
    `--rootDir=${project}`,
    '--passWithNoTests',
    '--json',
    `--outputFile=.jest/${name}.json`,
    ...rest,
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);
process.exit(status ?? 1);
