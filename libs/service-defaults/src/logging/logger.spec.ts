import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const logger = new URL('logger.ts', import.meta.url).href;
const hooks = fileURLToPath(new URL('../../../../tools/hooks.mjs', import.meta.url));

const start = `import { createLogger } from ${JSON.stringify(logger)}; const logger = createLogger('test', 'info');`;
const command = (source: string) => ['--import', hooks, '--input-type=module', '-e', source];

/** Runs a program that has a `logger`, and returns the chunks that it printed. */
async function run(program: string): Promise<string[]> {
  const child = spawn(process.execPath, command(`${start} ${program}`));
  const chunks: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  await once(child, 'close');
  return chunks;
}
const messages = (chunks: string[]) =>
  chunks
    .join('')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg);

it('writes the lines of one turn of the event loop together', async () => {
  const chunks = await run(
    `for (let i = 0; i < 3; i++) logger.info(String(i)); setTimeout(() => logger.info('3'), 100)`,
  );
  expect(chunks.map((chunk) => messages([chunk]))).toEqual([['0', '1', '2'], ['3']]);
});

it('continues if lines cannot be written, and writes them later [no-process-ends, Lanyard]', async () => {
  const full = openSync('/dev/full', 'w');
  const program = `${start} logger.info('1'); setTimeout(() => { logger.info('2'); console.error('alive'); }, 50)`;
  const child = spawn(process.execPath, command(program), { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  const errors: string[] = [];
  child.stderr!.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(errors.join('')).toBe('alive\n');
});

it.each([
  ['exits', 'process.exit(0)'],
  ['fails', 'throw new Error()'],
])('loses no line if the process %s in the same turn', async (_, end) => {
  expect(messages(await run(`logger.info('last words'); ${end}`))).toEqual(['last words']);
});
