import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Service } from '@lanyard/local-system';

/** Where a measurement keeps its data. */
export const directory = mkdtempSync(join(tmpdir(), 'lanyard-bench-'));
chmodSync(directory, 0o711);

const interruption = new AbortController();
/** Aborted by Ctrl-C. */
export const signal: AbortSignal = interruption.signal;

const stops: (() => Promise<unknown>)[] = [];
let stopping = Promise.resolve();

/**
 * Sees to it that what starts is stopped, in the end or by Ctrl-C.
 * @returns what has started
 */
export function started<T extends { stop: () => Promise<unknown> }>(starting: T | Promise<T>): Promise<T> {
  const promise = Promise.resolve(starting);
  const one = promise.catch(() => undefined);
  stops.push(async () => (await one)?.stop());
  return promise;
}

/** The same for what has a service that runs. */
export function running<T extends { service: Service }>(starting: Promise<T>): Promise<T> {
  void started(starting.then(({ service }) => service));
  return starting;
}

/** Stops what was started, in the reverse order. */
export function stopAll(): Promise<void> {
  stopping = stopping.then(async () => {
    for (let stop = stops.pop(); stop; stop = stops.pop()) await stop();
  });
  return stopping;
}

/** Stops what was started, and removes its data. */
export async function cleanUp(): Promise<void> {
  await stopAll();
  rmSync(directory, { recursive: true, force: true });
}

// Not `once`: npm passes on a Ctrl-C that the terminal has sent already.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    interruption.abort();
    void cleanUp().finally(() => process.exit(130));
  });
}
