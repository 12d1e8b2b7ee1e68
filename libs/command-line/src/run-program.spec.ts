import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { Command } from 'commander';
import { CallError, runProgram, UsageError } from './index.ts';

let printed: string;
const argv = process.argv;
beforeEach(() => {
  printed = '';
  for (const stream of [process.stderr, process.stdout]) {
    jest.spyOn(stream, 'write').mockImplementation((text) => {
      printed += String(text);
      return true;
    });
  }
});
afterEach(() => {
  jest.restoreAllMocks();
  process.stdout.removeAllListeners('error');
  process.argv = argv;
  process.exitCode = undefined;
});

/** Runs `tool ARGUMENTS`; `tool files delete` performs the action. */
async function run(args: string[], action: (id: string, options: object) => unknown = () => undefined) {
  const program = new Command('tool').version('1.2.3');
  program
    .command('files')
    .command('delete')
    .argument('<id>')
    .option('--owner <name>')
    .option('--json')
    .action(async (id: string, options: object) => void (await action(id, options)));
  process.argv = ['node', 'tool', ...args];
  await runProgram(program);
  const outcome = [process.exitCode ?? 0, printed];
  process.exitCode = undefined;
  return outcome;
}
const fails = (error: Error) => () => {
  throw error;
};

it('exits with 2 after a usage error, and names the help', async () => {
  expect(await run(['files', 'delete'])).toEqual([
    2,
    "error: missing required argument 'id'\nsee: tool files delete --help\n",
  ]);
  printed = '';
  expect(await run(['files', 'delete', 'x', '--yes'])).toEqual([
    2,
    "error: unknown option '--yes'\nsee: tool files delete --help\n",
  ]);
  printed = '';
  expect(await run(['file'])).toEqual([2, "error: unknown command 'file'\n(Did you mean files?)\nsee: tool --help\n"]);
  printed = '';
  expect(await run(['files', 'delete', 'x'], fails(new UsageError('say which')))).toEqual([2, 'say which\n']);
});

it('exits with 0 after --help and --version', async () => {
  expect(await run(['--version'])).toEqual([0, '1.2.3\n']);
  printed = '';
  expect(await run(['files', 'delete', '--help'])).toEqual([0, expect.stringContaining('Usage: tool files delete')]);
});

it('takes a value that begins with a dash for what it is, not for an option of the program', async () => {
  const action = jest.fn();
  expect(await run(['files', 'delete', '--owner', '-Vx', '--', '-Vy'], action)).toEqual([0, '']);
  expect(action).toHaveBeenCalledWith('-Vy', expect.objectContaining({ owner: '-Vx' }));
  expect(await run(['files', 'delete', '-Vy'])).toEqual([
    2,
    "error: unknown option '-Vy'\nsee: tool files delete --help\n",
  ]);
});

it('exits with 1 after any other error, with one line', async () => {
  const error = new CallError('DELETE http://localhost:3002/files/x', 409, { title: 'In use', detail: 'by a job' });
  expect(await run(['files', 'delete', 'x'], fails(error))).toEqual([
    1,
    'In use, by a job (DELETE http://localhost:3002/files/x answered 409)\n',
  ]);
});

it('shows control characters, instead of letting a terminal obey them', async () => {
  const error = new CallError('GET http://localhost:3002/files', 400, { title: '\u001B[2Jx\u009By' });
  expect(await run(['files', 'delete', 'x'], fails(error))).toEqual([
    1,
    String.raw`\u001b[2Jx\u009by (GET http://localhost:3002/files answered 400)` + '\n',
  ]);
});

it('prints errors as JSON with --json', async () => {
  expect(await run(['files', 'delete', '--json'])).toEqual([2, `{"error":"missing required argument 'id'"}\n`]);
  printed = '';
  const problem = { title: 'In use', errors: [{ field: 'id', message: 'is wrong' }] };
  const [code, text] = await run(
    ['files', 'delete', 'x', '--json'],
    fails(new CallError('DELETE http://localhost:3002/files/x', 409, problem)),
  );
  expect([code, JSON.parse(String(text))]).toEqual([
    1,
    { error: 'In use, id: is wrong (DELETE http://localhost:3002/files/x answered 409)', status: 409, problem },
  ]);
});
