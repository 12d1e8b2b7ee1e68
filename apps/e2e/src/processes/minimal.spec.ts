import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freePort } from '@lanyard/local-system';
import { startSystem, type RecordedSystem } from '../recorded-system.ts';

const repository = fileURLToPath(new URL('../../../..', import.meta.url));
const readme = readFileSync(join(repository, 'examples/minimal/README.md'), 'utf8');
const started: ChildProcess[] = [];
let system: RecordedSystem;

beforeAll(async () => {
  system = await startSystem();
}, 60_000);
afterAll(async () => {
  for (const child of started.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)) {
    child.kill();
    await once(child, 'exit');
  }
  await system?.stop();
});

/** A command of the README that goes on until it is stopped. */
function start(
  command: string,
  env: NodeJS.ProcessEnv,
): { output: () => string; until: (condition: () => unknown) => Promise<void> } {
  let output = '';
  const [, ...args] = command.split(' ');
  const child = spawn(args[0] === 'node' ? process.execPath : args[0]!, args.slice(1), { cwd: repository, env });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  started.push(child);
  const until = async (condition: () => unknown) => {
    for (let i = 0; i < 400 && child.exitCode === null; i++) {
      if (await condition()) return;
      await sleep(50);
    }
    throw new Error(`${command} (exit code ${child.exitCode}) printed only:\n${output}`);
  };
  return { output: () => output, until };
}

it('the minimal services run as their README says, and print what it shows', async () => {
  const url = `http://localhost:${await freePort()}`;
  const secrets = system.secretsDirectory;
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    FORCE_COLOR: '0',
    ISSUER: system.urls.issuer,
    SERVICE_B_URL: url,
    SECRETS_DIRECTORY: secrets,
  };
  const [apply = '', serviceB = '', serviceA = ''] = [...readme.matchAll(/^np[xm] .*$/gm)].map(([line]) => line);
  await promisify(execFile)('bash', ['-c', apply.replace('.lanyard/secrets', secrets)], { cwd: repository, env });
  await start(serviceB, env).until(() => fetch(url).catch(() => undefined));
  const { output, until } = start(serviceA, { ...env, CLIENT_SECRET_FILE: join(secrets, 'service-a/client_secret') });
  await until(() => output().includes('403 Bearer'));
  const expected = /```text\n([^]*?)```/.exec(readme)?.[1]?.trim().split('\n') ?? [];
  expect(expected).toHaveLength(3);
  const lines = output().trim().split('\n');
  for (const [index, line] of expected.entries()) {
    const parts = line
      .replaceAll('http://localhost:4002', url)
      .split('…')
      .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
    expect(lines[index]).toMatch(new RegExp(`^${parts.join('.*')}$`));
  }
}, 60_000);
