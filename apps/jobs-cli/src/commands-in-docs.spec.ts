import { expect, it } from '@jest/globals';
import { commandsInDocs, unknownIn } from '@lanyard/command-line/commands-in-docs.fixture';
import { createProgram } from './program.ts';

const found = commandsInDocs('npm run (?:-s )?jobs --|--rm (?:-T )?(?:--volume \\S+ )?jobs');

it('docs show commands for jobs', () => {
  expect(found.length).toBeGreaterThan(4);
});

it.each(found.map(([page, command]) => ({ page, command, words: command.words })))(
  '$page: jobs $words',
  ({ command }) => {
    expect(unknownIn(createProgram({}), command)).toBeUndefined();
  },
);
