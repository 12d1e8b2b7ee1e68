import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { createProgram } from './program.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const pages = globSync(['*.md', 'docs/**/*.md', 'apps/*/README.md', 'libs/*/README.md', 'deploy/**/*.md'], {
  cwd: repository,
}).filter((page) => page !== 'CHANGELOG.md');

/** The commands in the code of a page: `lanyard …` up to the end of the line, a pipe, or the code. */
const commandsIn = (text: string): string[] =>
  [...text.matchAll(/^ *```[^]*?^ *```|`[^`\n]+`/gm)]
    .flatMap(([code]) => code.replaceAll(/\\\n\s*/g, ' ').split('\n'))
    .flatMap((line) =>
      [...line.matchAll(/\blanyard ((?:[a-z][a-z-]*\b|--?[a-z])[^`|;)>]*)/g)].map(([, words = '']) => words),
    );

/** @returns what of it is unknown */
function unknownIn(program: Command, words: string): string | undefined {
  let command = program;
  for (const word of words.trim().split(/\s+/)) {
    const name = word.replace(/=.*/, '');
    if (name.startsWith('--') && name !== '--') {
      const options = [...command.options, ...program.options].map(({ long }) => long);
      if (![...options, '--help', '--version'].includes(name)) return `${command.name()} has no ${name}`;
    } else if (command.commands.length > 0) {
      const child = command.commands.find((one) => one.name() === name);
      if (!child) return `there is no ${command.name()} ${name}`;
      command = child;
    }
  }
  return undefined;
}

describe('the commands that docs show', () => {
  const program = createProgram({});
  const found = pages.flatMap((page) =>
    commandsIn(readFileSync(join(repository, page), 'utf8')).map((words) => [page, words] as const),
  );

  it('are found', () => {
    expect(found.length).toBeGreaterThan(50);
  });

  it.each(found)('%s: lanyard %s', (_, words) => {
    expect(unknownIn(program, words)).toBeUndefined();
  });

  it('and an unknown one would be noticed', () => {
    expect(commandsIn('Say `lanyard secrets add billing`.')).toEqual(['secrets add billing']);
    expect(unknownIn(program, 'secrets add billing')).toBe('there is no secrets add');
    expect(unknownIn(program, 'clients list --colour red')).toBe('list has no --colour');
  });
});
