import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import ora from 'ora';
import type { System } from '../system.ts';
import type { Job } from '@lanyard/jobs-contract';
import { isDone } from './job.ts';
import { counted, printJson, printTable, UsageError, type OutputOptions } from '@lanyard/command-line';

interface SubmitOptions extends OutputOptions, Format {
  once?: boolean;
  run: boolean;
  wait: boolean;
  /** seconds */
  timeout?: number;
}

/** How to read the files, if the worker cannot detect it. */
interface Format {
  delimiter?: string;
  charset?: string;
}

export async function submit(system: System, paths: string[], options: SubmitOptions): Promise<void> {
  const { once, run, wait, timeout, json, delimiter, charset } = options;
  await Promise.all(paths.map(requireFile));
  const spinner = ora({ isSilent: json }).start();
  try {
    let jobs: Job[] = [];
    for (const path of paths) {
      spinner.text = `uploading ${basename(path)} (${jobs.length + 1} of ${paths.length})`;
      jobs.push(await createJob(system, path, { delimiter, charset }, once).catch(naming(path, jobs)));
    }
    if (run && !jobs.every(isDone)) await system.runs('POST', '/runs');
    if (wait) {
      const progress = (done: number) => (spinner.text = `${done} of ${jobs.length} jobs done`);
      jobs = await untilDone(system, jobs, progress, timeout);
    }
    const failed = jobs.filter(({ status }) => status === 'failed');
    spinner.stopAndPersist({
      symbol: failed.length > 0 ? styled('red', '✖') : styled('green', '✔'),
      text: wait
        ? `${jobs.length - failed.length} of ${jobs.length} jobs succeeded`
        : `${counted(jobs.length, 'job')} submitted`,
    });
    if (json) printJson(jobs);
    else
      printTable(
        jobs.map(({ id, payload, status, result, failure }) => ({
          id,
          file: payload.name,
          status,
          rows: result?.rows,
          failure,
        })),
      );
    if (failed.length > 0) process.exitCode = 1;
  } finally {
    spinner.stop();
  }
}

/** Styles text for standard error, where the spinner is, and only on a terminal. */
const styled = (colour: 'red' | 'green', text: string) => styleText(colour, text, { stream: process.stderr });

/** Adds the path of the file to the error, and the jobs that were submitted before it. */
const naming = (path: string, jobs: Job[]) => (error: Error) => {
  const before =
    jobs.length > 0
      ? `\n${counted(jobs.length, 'job')} submitted before it: ${jobs.map(({ id }) => id).join(', ')}`
      : '';
  error.message = `${path}: ${error.message}${before}`;
  throw error;
};

async function requireFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) throw new UsageError(`${path} is not a readable file`);
}

async function createJob(system: System, path: string, format: Format, once = false): Promise<Job> {
  const blob = await openAsBlob(path, { type: 'text/csv' });
  const file = await system.jobs<{ id: string; size: number }>('POST', '/files', blob);
  if (file.id !== (await digestOf(blob))) throw new Error(`${path} changed while it was uploaded`);
  const job = { type: 'summarize-csv', payload: { file: file.id, name: basename(path), ...format } };
  const digest = createHash('sha256').update(JSON.stringify(job)).digest('hex');
  return system.jobs<Job>('POST', '/jobs', job, once ? { 'idempotency-key': digest } : {});
}

async function digestOf(blob: Blob): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of blob.stream()) hash.update(chunk);
  return hash.digest('hex');
}

async function untilDone(
  system: System,
  jobs: Job[],
  progress: (done: number) => void,
  timeout = Number.POSITIVE_INFINITY,
): Promise<Job[]> {
  const deadline = performance.now() + timeout * 1000;
  for (let current = jobs; ;) {
    const done = current.filter(isDone).length;
    progress(done);
    if (done === current.length) return current;
    if (performance.now() > deadline) throw new Error(`${done} of ${jobs.length} jobs were done within ${timeout} s`);
    await sleep(300);
    current = await Promise.all(
      current.map(async (job) => (isDone(job) ? job : system.jobs<Job>('GET', `/jobs/${job.id}`))),
    );
  }
}
