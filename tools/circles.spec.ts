import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { circlesOf } from './circles.ts';

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

/** Creates a tree with these files and their imports. */
function treeOf(files: Record<string, string[]>): string {
  const root = mkdtempSync(join(tmpdir(), 'lanyard-circles-'));
  roots.push(root);
  for (const [file, imports] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), imports.map((specifier) => `import type { A } from '${specifier}';\n`).join(''));
  }
  return root;
}

describe('circlesOf', () => {
  it.each([
    [
      'two files',
      { 'apps/a/src/b.ts': ['./c.ts'], 'apps/a/src/c.ts': ['./b.ts'] },
      'apps/a/src: apps/a/src/b.ts imports apps/a/src/c.ts, apps/a/src/c.ts imports apps/a/src/b.ts',
    ],
    [
      'three folders whose files form no circle',
      {
        'apps/a/src/b/1.ts': ['../c/1.ts'],
        'apps/a/src/c/1.ts': [],
        'apps/a/src/c/2.ts': ['../d/1.ts'],
        'apps/a/src/d/1.ts': ['../b/2.ts'],
        'apps/a/src/b/2.ts': [],
      },
      'apps/a/src: apps/a/src/b/1.ts imports apps/a/src/c/1.ts, apps/a/src/c/2.ts imports apps/a/src/d/1.ts, apps/a/src/d/1.ts imports apps/a/src/b/2.ts',
    ],
    [
      'a file and a folder',
      { 'tools/a.ts': ['./b/c.ts'], 'tools/b/c.ts': ['../a.ts'] },
      'tools: tools/a.ts imports tools/b/c.ts, tools/b/c.ts imports tools/a.ts',
    ],
    [
      'two libraries',
      { 'libs/a/src/b.ts': ['@lanyard/c'], 'libs/c/src/d.ts': ['@lanyard/a/e'] },
      'libs: libs/a/src/b.ts imports libs/c/, libs/c/src/d.ts imports libs/a/',
    ],
  ])('finds a circle of %s', (_, files, circle) => {
    expect(circlesOf(treeOf(files))).toEqual([circle]);
  });

  it('accepts imports in one direction', () => {
    const files = { 'apps/a/src/b.ts': ['./c/d.ts', '@lanyard/e'], 'apps/a/src/c/d.ts': [], 'libs/e/src/f.ts': [] };
    expect(circlesOf(treeOf(files))).toEqual([]);
  });

  it('finds no circle of files or folders in this repository', () => {
    expect(circlesOf(fileURLToPath(new URL('..', import.meta.url)))).toEqual([]);
  });
});
