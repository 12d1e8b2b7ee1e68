import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Service } from '@lanyard/local-system';

/** The data directory of the measurement. */
export const directory = mkdtempSync(join(tmpdir(), 'lanyard-bench-'));
chmodSync(directory, 0o711);

const interruption = new AbortController();
/** Aborted by Ctrl-C. */
export const signal: AbortSignal = interruption.signal;

const stops: (() => Promise<unknown>)[] = [];
let stopping = Promise.resolve();

/**
 * Registers something that starts, to stop it at the end or on Ctrl-C.
 * @returns the started object
 */
export function started<T extends { stop: () => Promise<unknown> }>(starting: T | Promise<T>): Promise<T> {
  const promise = Promise.resolve(starting);
  const one = promise.catch(() => undefined);
  stops.push(async () => (await one)?.stop());
  return promise;
}

/** The same for an object with a running service. */
export function running<T extends { service: Service }>(starting: Promise<T>): Promise<T> {
  void started(starting.then(({ service }) => service));
  return starting;
}

/** Stops everything that was started, in reverse order. */
export function stopAll(): Promise<void> {
  stopping = stopping.then(async () => {
    for (let stop = stops.pop(); stop; stop = stops.pop()) await stop();
  });
  return stopping;
}

/** Stops everything that was started, and removes its data. */
export async function cleanUp(): Promise<void> {
  await stopAll();
  rmSync(directory, { recursive: true, force: true });
}

// Not `once`: npm forwards a Ctrl-C that the terminal has already sent.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    interruption.abort();
    void cleanUp().finally(() => process.exit(130));
  });
}
