import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const repository = fileURLToPath(new URL('..', import.meta.url));

it('no file uses the pathname of a file URL as a path: it is percent-encoded, and begins with a slash on Windows', () => {
  const files = execFileSync('git', ['ls-files', '*.ts', '*.mjs'], { cwd: repository, encoding: 'utf8' })
    .trim()
    .split('\n');
  expect(files.length).toBeGreaterThan(100);
  const isWrong = (text: string) =>
    /import\.meta\.url\)\s*\.pathname/.test(text) ||
    [...text.matchAll(/(\w+) = new URL\([^)]*import\.meta\.url\)/g)].some(([, name]) =>
      text.includes(`${name}.pathname`),
    );
  expect(isWrong("const here = new URL('.', import.meta.url);\nread(here.pathname);")).toBe(true);
  const wrong = files.filter(
    (file) => file !== 'tools/file-urls.spec.ts' && isWrong(readFileSync(join(repository, file), 'utf8')),
  );
  expect(wrong).toEqual([]);
});
