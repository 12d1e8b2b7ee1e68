import { describe, expect, it } from '@jest/globals';
import { commandsIn, commandsInDocs, unknownIn } from '@lanyard/command-line/commands-in-docs.fixture';
import { createProgram } from './program.ts';

describe('the commands that docs show', () => {
  const program = createProgram({});
  const name = String.raw`\blanyard`;
  const found = commandsInDocs(name);

  it('are found', () => {
    expect(found.length).toBeGreaterThan(50);
  });

  it.each(found.map(([page, command]) => ({ page, command, words: command.words })))(
    '$page: lanyard $words',
    ({ command }) => {
      expect(unknownIn(program, command)).toBeUndefined();
    },
  );

  const faultsIn = (page: string) =>
    commandsIn(page, name).map((command) => [command.words, unknownIn(program, command)]);

  it.each([
    ['secrets add billing', 'there is no secrets add'],
    ['clients list --colour red', 'list has no --colour'],
    ['clients show billing payroll', 'show takes 1 arguments'],
    ['secrets remove billing', 'remove needs 2 arguments'],
  ])('are reported if they are wrong: %s', (words, fault) => {
    expect(faultsIn('```sh\nnpx lanyard ' + words + '\n```\n')).toEqual([[words, fault]]);
  });

  it('may lack their arguments in a sentence', () => {
    expect(faultsIn('Say `lanyard secrets remove`.')).toEqual([['secrets remove', undefined]]);
  });
});
