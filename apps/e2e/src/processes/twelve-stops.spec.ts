import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { lineOf, stops, type Stop } from '../../../../docs/stops.ts';
import { startSystem, type RecordedSystem } from '../recorded-system.ts';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));
let system: RecordedSystem;
/** The inspector of each process, as it announces it. */
const inspectors = new Map<string, string>();

beforeAll(async () => {
  system = await startSystem({
    environment: { NODE_OPTIONS: '--inspect=127.0.0.1:0' },
    onLine: ({ service, text }) => {
      const [, url] = /^Debugger listening on (ws:\S+)/.exec(text) ?? [];
      if (url) inspectors.set(service, url);
    },
  });
}, 60_000);
afterAll(async () => {
  await system?.stop();
});

/** A process, by the Chrome DevTools Protocol. */
async function attachTo(service: string) {
  const socket = new WebSocket(inspectors.get(service)!);
  await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
  const answers = new Map<
    number,
    (answer: { result?: { result?: { value?: string }; locations?: object[] } }) => void
  >();
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(String(data));
    answers.get(message.id)?.(message);
  });
  let sent = 0;
  const send = (method: string, params: object = {}) =>
    new Promise<{ result?: { result?: { value?: string }; locations?: object[] } }>((resolve) => {
      answers.set((sent += 1), resolve);
      socket.send(JSON.stringify({ id: sent, method, params }));
    });
  await send('Debugger.enable');
  return {
    send,
    /** Notes when each stop is passed, by a breakpoint whose condition never holds. The clock is one for all processes. */
    async watch(passed: readonly Stop[]) {
      for (const [index, { file, name, when = 'true' }] of passed.entries()) {
        const built = join(repository, file.replace('/src/', '/dist/').replace(/\.ts$/, '.js'));
        const note = `(globalThis.passed ??= []).push([${stops.indexOf(passed[index]!)}, process.hrtime.bigint()])`;
        await send('Debugger.setBreakpointByUrl', {
          url: pathToFileURL(built).href,
          lineNumber: lineOf(readFileSync(built, 'utf8'), name)! + 1,
          condition: `${when} && ${note} && false`,
        });
      }
    },
    async passed(): Promise<[stop: number, at: bigint][]> {
      const expression = 'JSON.stringify((globalThis.passed ?? []).map(([stop, at]) => [stop, String(at)]))';
      const { result } = await send('Runtime.evaluate', { expression });
      const found = JSON.parse(result?.result?.value ?? '[]') as [number, string][];
      return found.map(([stop, at]) => [stop, BigInt(at)]);
    },
    close: () => socket.close(),
  };
}

const inProcessOf = (...folders: string[]) =>
  stops.filter(({ file }) => folders.some((folder) => file.startsWith(`${folder}/`)));

it('the way to the first job passes the twelve stops of the README in their order', async () => {
  await system.services.batchProcessor.stop();
  const replica = await system.replica('batch-processor', Number(new URL(system.urls.batchProcessor).port), {
    NODE_OPTIONS: '--inspect-wait=127.0.0.1:0',
  });
  inspectors.delete('batch-processor');
  replica.start();
  while (!inspectors.has('batch-processor')) await sleep(10);
  const serviceA = await attachTo('batch-processor');
  const authServer = await attachTo('auth-server');
  const serviceB = await attachTo('jobs-api');
  try {
    await serviceA.watch(inProcessOf('libs/token-client'));
    await authServer.watch(
      inProcessOf('apps/auth-server', 'libs/access-token').filter(({ name }) => !name.startsWith('validate')),
    );
    await serviceB.watch(
      inProcessOf('libs/resource-server', 'apps/jobs-api', 'libs/access-token').filter(
        ({ name }) => !name.startsWith('issue'),
      ),
    );
    await serviceA.send('Runtime.runIfWaitingForDebugger');
    await replica.ready();
    let passed: [stop: number, at: bigint][] = [];
    for (let tries = 0; tries < 200 && !passed.some(([stop]) => stop === stops.length - 1); tries++) {
      await sleep(50);
      passed = (await Promise.all([serviceA.passed(), authServer.passed(), serviceB.passed()])).flat();
    }
    // Only the first time that each is passed: the guard decides before the body is read, and once more after it.
    const inOrder = new Set(passed.toSorted(([, a], [, b]) => (a < b ? -1 : 1)).map(([stop]) => stop));
    const named = (index: number) => `${index + 1} ${stops[index]?.name}`;
    expect([...inOrder].map(named)).toEqual(stops.map((_, index) => named(index)));
  } finally {
    for (const one of [serviceA, authServer, serviceB]) one.close();
    await replica.stop();
  }
}, 60_000);
