import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const pages = globSync(['*.md', 'docs/**/*.md', 'apps/*/README.md', 'libs/*/README.md', 'deploy/**/*.{md,sh}'], {
  cwd: repository,
}).filter((page) => page !== 'CHANGELOG.md');

export interface ShownCommand {
  words: string;
  /** whether it is in a code block, to be run as it is, and not in a sentence */
  isWhole: boolean;
}

/**
 * Finds the commands in the code of a page, each up to the end of its line, a pipe, or the end of the code.
 * @param name  the beginning of a command, as a regular expression
 */
export const commandsIn = (text: string, name: string): ShownCommand[] =>
  [...text.matchAll(/^ *```[^]*?^ *```|`[^`\n]+`|^ *docker compose run .*/gm)].flatMap(([code]) =>
    code
      .replaceAll(/\\\n\s*/g, ' ')
      .split('\n')
      .flatMap((line) =>
        [...line.matchAll(new RegExp(String.raw`(?:${name}) ((?:[a-z][a-z-]*\b|--?[a-z])[^\x60|;)>#]*)`, 'g'))].map(
          ([, words = '']) => ({ words: words.trim(), isWhole: code.includes('\n') }),
        ),
      ),
  );

/** @returns the page and the command, for all pages for users */
export const commandsInDocs = (name: string): [page: string, command: ShownCommand][] =>
  pages.flatMap((page) =>
    commandsIn(readFileSync(join(repository, page), 'utf8'), name).map((found): [string, ShownCommand] => [
      page,
      found,
    ]),
  );

/** @returns the part of the command that the program does not support */
export function unknownIn(program: Command, { words, isWhole }: ShownCommand): string | undefined {
  let command = program;
  let values = 0;
  const left = words.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    const [name = '', value] = word.split('=', 2);
    if (/^--?\w/.test(word)) {
      const option = [...command.options, ...program.options].find(({ long, short }) => [long, short].includes(name));
      if (!option && name !== '--help') return `${command.name()} has no ${name}`;
      if (option?.required && value === undefined) left.shift();
    } else if (command.commands.length > 0) {
      const child = command.commands.find((one) => one.name() === name);
      if (!child) return `there is no ${command.name()} ${name}`;
      command = child;
    } else values += 1;
  }
  const { registeredArguments: taken } = command;
  if (values > taken.length && !taken.at(-1)?.variadic) return `${command.name()} takes ${taken.length} arguments`;
  const needed = taken.filter(({ required }) => required).length;
  const isAsked = words.includes('--help');
  return isWhole && !isAsked && values < needed ? `${command.name()} needs ${needed} arguments` : undefined;
}
