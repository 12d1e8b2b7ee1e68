import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Returns a line for each file that differs from its generated content. */
export const outOfDate = (generated: Record<string, string>, root: string): string[] =>
  Object.entries(generated)
    .filter(([file, content]) => readFileSync(join(root, file), 'utf8') !== content)
    .map(([file]) => `${file} is not up to date: npm run docs`);
