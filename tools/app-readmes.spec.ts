import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const repository = fileURLToPath(new URL('..', import.meta.url));

it('the README of the authorization server names each of its folders', () => {
  const app = join(repository, 'apps/auth-server');
  const folders = globSync('src/{*,oauth/*}/', { cwd: app }).map((folder) => basename(folder));
  const readme = readFileSync(join(app, 'README.md'), 'utf8');
  expect(folders.length).toBeGreaterThan(10);
  expect(folders.filter((folder) => !readme.includes(`\`${folder}/\``))).toEqual([]);
});
