import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const repository = fileURLToPath(new URL('..', import.meta.url));

it('takes no pathname of a file URL for a path: it is percent-encoded, and begins with a slash on Windows', () => {
  const files = execFileSync('git', ['ls-files', '*.ts', '*.mjs'], { cwd: repository, encoding: 'utf8' })
    .trim()
    .split('\n');
  expect(files.length).toBeGreaterThan(100);
  const wrong = files.filter((file) =>
    /import\.meta\.url\)\s*\.pathname/.test(readFileSync(join(repository, file), 'utf8')),
  );
  expect(wrong).toEqual([]);
});
