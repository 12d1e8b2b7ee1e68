import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, expect, it } from '@jest/globals';

const repository = fileURLToPath(new URL('..', import.meta.url));
const oxlint = join(repository, 'node_modules/oxlint/bin/oxlint');
const copy = mkdtempSync(join(tmpdir(), 'lanyard-lint-'));
afterAll(() => rmSync(copy, { recursive: true }));
copyFileSync(join(repository, '.oxlintrc.json'), join(copy, '.oxlintrc.json'));

/** The lint output for a file with one line. */
async function faultsOf(file: string, line: string): Promise<string> {
  mkdirSync(dirname(join(copy, file)), { recursive: true });
  writeFileSync(join(copy, file), `${line}\n`);
  const lint = promisify(execFile)(process.execPath, [oxlint, '--format', 'unix', file], { cwd: copy });
  return (await lint.catch((error: { stdout: string }) => error)).stdout;
}

const one = "export { importJWK as one } from 'jose';";

it.each([
  ['libs/oauth-protocol/src/a.ts', one],
  ['libs/access-token/src/a.ts', "export { a } from '@lanyard/resource-server';"],
  ['libs/token-client/src/a.ts', "export { a } from '@lanyard/auth-server';"],
])('the lint rules refuse an import against the allowed direction: %s', async (file, line) => {
  expect(await faultsOf(file, line)).toContain('no-restricted-imports');
});

it.each([
  ['libs/access-token/src/b.ts', one],
  ['libs/oauth-protocol/src/b.ts', "export { one } from './one.ts';"],
])('the lint rules accept an import in the allowed direction: %s', async (file, line) => {
  expect(await faultsOf(file, line)).toMatch(/^\s*$/);
});
