import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';

const here = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
const hooks = fileURLToPath(new URL('../../../tools/hooks.mjs', import.meta.url));

/** Runs a service in its own process, and then this code. */
async function run(onceListening: string) {
  const program = `
    import { EventEmitter } from 'node:events';
    import 'reflect-metadata';
    import { runService, serviceConfiguration } from ${here('index.ts')};
    class TestModule {}
    let app;
    await runService({
      name: 'test',
      configuration: serviceConfiguration,
      module: () => ({ module: TestModule }),
      setUp: (application) => { app = application; },
    });
    ${onceListening}`;
  const child = spawn(process.execPath, ['--import', hooks, '--input-type=module', '-e', program], {
    env: { PORT: '0', HOST: '127.0.0.1' },
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => void output.push(chunk.toString()));
  const [code] = await once(child, 'close');
  return { code, text: output.join(''), lines: output.join('').trimEnd().split('\n').map(lineOf) };
}
const lineOf = (line: string) => JSON.parse(line) as Record<string, unknown>;

it.each([
  ['an emitter', 'uncaughtException', `setImmediate(() => new EventEmitter().emit('error', error))`],
  ['a timer', 'uncaughtException', `setTimeout(() => { throw error; })`],
  ['a promise', 'unhandledRejection', `void Promise.reject(error)`],
])(
  'a service that fails by an error of %s logs it, without secrets, and exits with 1 [no-process-ends, Lanyard]',
  async (_, origin, act) => {
    const { code, lines, text } = await run(`
    const error = Object.assign(new Error('out of order'), { parameters: ['hush'] });
    ${act};`);
    expect(code).toBe(1);
    expect(lines.find(({ level }) => level === 'fatal')).toMatchObject({
      service: 'test',
      msg: 'ended by an uncaught error',
      origin,
      err: { message: 'out of order', stack: expect.stringContaining('Error: out of order') },
    });
    expect(text).not.toContain('hush');
  },
);

it.each(['undefined', '"words"', 'Object.create(null)'])('logs a line even if the error is %s', async (error) => {
  const { code, lines } = await run(`setTimeout(() => { throw ${error}; })`);
  expect([code, lines.filter(({ level }) => level === 'fatal').length]).toEqual([1, 1]);
});

it('a service continues if a connection could not be accepted, and logs it [no-process-ends, Lanyard]', async () => {
  const { code, lines } = await run(`
    app.getHttpServer().emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
    process.kill(process.pid, 'SIGTERM');`);
  expect(code).toBe(0);
  expect(lines).toContainEqual(
    expect.objectContaining({
      msg: 'a connection could not be accepted',
      err: expect.objectContaining({ code: 'EMFILE' }),
    }),
  );
});
