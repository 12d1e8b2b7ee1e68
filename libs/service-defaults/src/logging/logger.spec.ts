import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from '@jest/globals';

const logger = new URL('logger.ts', import.meta.url).href;
const hooks = new URL('../../../../tools/hooks.mjs', import.meta.url).pathname;

/** Runs a program that has a `logger`, and returns the chunks that it printed. */
async function run(program: string): Promise<string[]> {
  const source = `import { createLogger } from ${JSON.stringify(logger)}; const logger = createLogger('test', 'info'); ${program}`;
  const child = spawn(process.execPath, ['--import', hooks, '--input-type=module', '-e', source]);
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

it.each([
  ['exits', 'process.exit(0)'],
  ['fails', 'throw new Error()'],
])('loses no line when the process %s in the same turn', async (_, end) => {
  expect(messages(await run(`logger.info('last words'); ${end}`))).toEqual(['last words']);
});
