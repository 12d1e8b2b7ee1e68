import { afterEach, expect, it, jest } from '@jest/globals';
import { counted, printTable } from './index.ts';

const written = jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
afterEach(() => {
  written.mockClear();
});

it('shows control characters in a table, instead of letting a terminal obey them', () => {
  printTable([{ name: '\u001B]0;title\u0007', min: '\u001B[2J', parts: { '\u009B': 1 } }]);
  const text = written.mock.calls.join('');
  expect(text).toMatch(/\\u001b]0;title\\u0007 .*\\u001b\[2J .*\\u009b/);
  // oxlint-disable-next-line no-control-regex -- that is what it is about
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});

it.each([
  [0, '0 jobs'],
  [1, '1 job'],
  [2, '2 jobs'],
])('counts %d in words', (count, expected) => {
  expect(counted(count, 'job')).toBe(expected);
});
