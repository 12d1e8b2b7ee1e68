import { spawn } from 'node:child_process';
import { once } from 'node:events';

interface Guarded {
  pgCtl: string;
  data: string;
  directory: string;
  /** whether to remove the folder with it */
  isTemporary: boolean;
  user?: { uid: number; gid: number };
}

/**
 * Runs in its own process until its standard input ends. That happens when the process at the other end exits for any
 * reason.
 */
const program = `
  const { spawnSync } = require('node:child_process');
  const { rmSync } = require('node:fs');
  const { pgCtl, data, directory, isTemporary, user } = JSON.parse(process.argv[1]);
  let isStopped = false;
  process.stdin.on('data', () => (isStopped = true)).on('end', () => {
    const stop = () => spawnSync(pgCtl, ['-D', data, 'stop', '-m', 'immediate', '-w'], { ...user, cwd: directory });
    const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    // It may be about to start.
    for (let tries = 0; !isStopped && tries < 75; tries++) {
      isStopped = stop().status === 0;
      if (!isStopped) pause();
    }
    if (isTemporary) rmSync(directory, { recursive: true, force: true });
  });
`;

/**
 * Stops Postgres when this process ends, even if it is killed.
 * @returns a function to call after Postgres was stopped
 */
export function guard(guarded: Guarded): () => Promise<void> {
  // In its own session, so that Ctrl-C does not reach it first.
  const guardian = spawn(process.execPath, ['-e', program, JSON.stringify(guarded)], {
    detached: true,
    windowsHide: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
  });
  guardian.unref();
  const input = guardian.stdin as typeof guardian.stdin & { unref?: () => void };
  input.unref?.();
  // The guardian may have been killed, for example by the OOM killer.
  guardian.stdin.on('error', () => undefined);
  return async () => {
    if (guardian.exitCode !== null || guardian.signalCode !== null) return;
    const ended = once(guardian, 'exit');
    guardian.ref();
    guardian.stdin.end('stopped');
    await ended;
  };
}
