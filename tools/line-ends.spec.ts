import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const repository = fileURLToPath(new URL('..', import.meta.url));

it('every clone has the same line endings, also with Git for Windows', () => {
  const clone = mkdtempSync(join(tmpdir(), 'lanyard-clone-'));
  const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  git('clone', '--quiet', '--no-hardlinks', '-c', 'core.autocrlf=true', repository, clone);
  const files = git('-C', clone, 'ls-files', '--eol').trim().split('\n');
  expect(files.length).toBeGreaterThan(100);
  const changed = files.filter((line) => {
    const [, stored, here] = /^i\/(\S*) +w\/(\S*)/.exec(line)!;
    return stored !== here;
  });
  expect(changed).toEqual([]);
  rmSync(clone, { recursive: true });
});
