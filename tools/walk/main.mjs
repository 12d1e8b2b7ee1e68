/**
 * The first steps of a newcomer in a checkout: `npm start` to the last example job, every command that it prints as a
 * next step, Ctrl-C, and a second start. Run it in a clone after `npm ci`: `node tools/walk/main.mjs`. Needs only Node
 * 20.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const isWindows = process.platform === 'win32';
const first = 20_000 + Math.floor(Math.random() * 9000);
const ports = Object.fromEntries(
  ['AUTH_SERVER_PORT', 'BATCH_PROCESSOR_PORT', 'JOBS_API_PORT'].map((name, i) => [name, String(first + i)]),
);
/** The next steps run in another terminal, without the settings of the first one. */
const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined };
const say = (text) => process.stdout.write(`${text}\n`);

/** Runs `npm start`, and waits until its example jobs are done. */
async function start() {
  const begun = performance.now();
  const since = () => `${((performance.now() - begun) / 1000).toFixed(1)} s`;
  let output = '';
  // In its own process group, which Ctrl-C reaches as a whole.
  const child = spawn('npm', ['start'], {
    cwd: repository,
    env: { ...env, ...ports },
    shell: isWindows,
    detached: !isWindows,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.on('data', (chunk) => {
    process.stdout.write(chunk);
    if (output === '') say(`[the first line came after ${since()}]`);
    output += chunk;
  });
  const started = { child, output: () => output };
  const deadline = Date.now() + 300_000;
  while (!output.includes('npx lanyard doctor') && child.exitCode === null && Date.now() < deadline) await sleep(100);
  if (!output.includes('npx lanyard doctor')) {
    await stop(started);
    assert.fail('npm start was not ready within five minutes, or ended by itself');
  }
  say(`[ready after ${since()}]`);
  assert.match(output, /3 of 3 jobs succeeded/);
  return started;
}

/** Stops it as Ctrl-C does; on Windows a program cannot send Ctrl-C, so it is killed. */
async function stop({ child }) {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  if (isWindows) execFileSync('taskkill', ['/PID', String(child.pid), '/T', '/F']);
  else process.kill(-child.pid, 'SIGINT');
  await ended;
  for (const [name, port] of Object.entries(ports)) {
    let isFree = false;
    for (let tries = 0; !isFree && tries < 100; tries++) {
      isFree = await new Promise((resolve) => {
        const server = createServer().once('error', () => resolve(false));
        server.listen(Number(port), '127.0.0.1', () => server.close(() => resolve(true)));
      });
      if (!isFree) await sleep(100);
    }
    assert.ok(isFree, `${name} is still taken after the end`);
  }
}

/** The lines below "Try it". */
function nextSteps(output) {
  const lines = output.slice(output.lastIndexOf('Try it')).split(/\r?\n/).slice(1);
  const steps = lines.slice(0, lines.findIndex((line) => line.includes('doctor')) + 1).map((line) => line.trim());
  assert.ok(steps.length >= 5, 'there are next steps');
  return isWindows ? steps.filter((step) => /^np[mx] /.test(step)) : steps;
}

function run(command) {
  say(`\n$ ${command}`);
  const output = execFileSync(command, { cwd: repository, env, encoding: 'utf8', shell: isWindows ? true : 'bash' });
  say(output);
  return output;
}

// The walk tests a first start, and must not overwrite existing data.
assert.ok(!existsSync(`${repository}/.lanyard`), 'use a fresh clone: .lanyard already exists');
let running = await start();
try {
  const steps = nextSteps(running.output());
  const outputs = steps.map(run);
  assert.match(outputs[steps.findIndex((step) => step.includes('token get'))], /^ey[\w-]+\.[\w-]+\.[\w-]+\s*$/);
  const jobs = JSON.parse(run('npm run -s jobs -- list --json'));
  assert.deepEqual(
    jobs.map(({ status }) => status),
    ['succeeded', 'succeeded', 'succeeded'],
  );
  await stop(running);
  running = await start();
  assert.equal(JSON.parse(run('npm run -s jobs -- list --json')).length, 3);
} finally {
  await stop(running);
}
say('\nthe walk succeeded');
