import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { writePrivateFile } from './index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lanyard-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('replaces a file that only its owner may read, and creates its folders', () => {
  const file = join(folder, 'billing', 'new', 'client_secret');
  for (const content of ['one', 'two']) {
    writePrivateFile(file, content);
    expect(readFileSync(file, 'utf8')).toBe(content);
  }
  expect(readdirSync(join(folder, 'billing', 'new'))).toEqual(['client_secret']);
  expect([statSync(file).mode & 0o777, statSync(join(folder, 'billing')).mode & 0o777]).toEqual([0o600, 0o700]);
});

it.each([
  ['below a file', () => join(folder, 'file', 'below', 'client_secret')],
  ['where no folder can be created', () => '/proc/nope/below/client_secret'],
])('fails at once %s', (_, file) => {
  writeFileSync(join(folder, 'file'), '');
  expect(() => writePrivateFile(file(), 'x')).toThrow(/ENOTDIR|ENOENT|EACCES/);
});
