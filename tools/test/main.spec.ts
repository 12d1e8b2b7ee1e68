import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from '@jest/globals';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** A workspace with the settings of this one and one project, which records each run of its test and of its build. */
let workspace: string;
const project = () => join(workspace, 'libs/one');

beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), 'lanyard-workspace-'));
  for (const name of ['node_modules', 'tools']) symlinkSync(join(repository, name), join(workspace, name));
  for (const name of ['nx.json', 'jest.config.mjs']) copyFileSync(join(repository, name), join(workspace, name));
  const recordFile = (name: string) => JSON.stringify(join(workspace, name));
  const build = `node -e 'fs.appendFileSync(${recordFile('builds')}, "built ")'`;
  const targets = { build: { options: { command: build } }, test: {} };
  mkdirSync(join(project(), 'src'), { recursive: true });
  writeFileSync(join(workspace, 'package.json'), '{ "private": true, "type": "module", "workspaces": ["libs/*"] }');
  writeFileSync(join(project(), 'package.json'), JSON.stringify({ name: '@lanyard/one', nx: { targets } }));
  writeFileSync(
    join(project(), 'src/one.spec.ts'),
    `import { appendFileSync } from 'node:fs';
     it('runs', () => appendFileSync(${recordFile('tests')}, 'ran '));`,
  );
});
afterEach(() => rmSync(workspace, { recursive: true }));

/** Runs the command of `npm test`. */
function runTests() {
  const { PATH, HOME } = process.env;
  const command = [join(repository, 'tools/run.mjs'), join(repository, 'tools/test/main.ts'), 'test'];
  const env = {
    PATH: `${join(repository, 'node_modules/.bin')}:${PATH}`,
    HOME,
    NX_CACHE_DIRECTORY: join(workspace, 'cache'),
  };
  const { stdout, status } = spawnSync(process.execPath, command, { cwd: workspace, env, encoding: 'utf8' });
  return { status, lines: stdout.trimEnd().split('\n') };
}
const recorded = (name: string) => readFileSync(join(workspace, name), 'utf8');

it('npm test runs the tests each time, and builds once', () => {
  for (const tests of ['ran ', 'ran ran ']) {
    const { status, lines } = runTests();
    expect(recorded('tests')).toBe(tests);
    expect(lines.slice(-2)).toEqual(['1 tests in 1 files of 1 projects ran, none from a cache', '1 passed, 0 failed']);
    expect(status).toBe(0);
    expect(recorded('builds')).toBe('built ');
  }
}, 120_000);

it('npm test ends and fails when something still runs after the last test', () => {
  writeFileSync(
    join(project(), 'src/one.spec.ts'),
    `it('waits in vain', async () => {
       for (;;) await new Promise((resolve) => setTimeout(resolve, 10));
     }, 100);
     it('runs', () => undefined);`,
  );
  const { status, lines } = runTests();
  expect(lines.slice(-1)).toEqual(['1 passed, 1 failed']);
  expect(status).toBe(1);
}, 120_000);

it('npm test fails when a project writes no result', () => {
  const file = join(project(), 'package.json');
  const { name, nx } = JSON.parse(readFileSync(file, 'utf8'));
  nx.targets.test.options = { command: 'true' };
  writeFileSync(file, JSON.stringify({ name, nx }));
  const { status, lines } = runTests();
  expect(lines.slice(-3)).toEqual([
    'the tests of @lanyard/one did not run',
    '0 tests in 0 files of 0 projects ran, none from a cache',
    '0 passed, 1 failed',
  ]);
  expect(status).toBe(1);
}, 120_000);
