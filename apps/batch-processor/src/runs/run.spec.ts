import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { ClaimedJob } from '@lanyard/jobs-contract';
import type { JobsClient } from '../jobs-client/jobs-client.ts';
import { Run, type Outcome } from './run.ts';

/** The calls of the run, in order. */
let calls: string[];
/** The jobs that are pending at the jobs API. */
let pending: ClaimedJob[];
let nextAt: string | null;
/** Each unresolved promise keeps a job in progress, by its id. */
let files: Map<string, PromiseWithResolvers<void>>;
/** Delays completions at the jobs API until it resolves. */
let completionGate: Promise<void>;
let stopping: AbortController;
let outcomes: Outcome[];
beforeEach(() => {
  [calls, pending, nextAt, outcomes] = [[], [], null, []];
  files = new Map();
  completionGate = Promise.resolve();
  stopping = new AbortController();
});

const later = '2030-01-01T00:00:00.000Z';
const job = (id: string) => ({ id, type: 'summarize-csv', payload: { file: 'f', name: 'n' } }) as ClaimedJob;
/** Jobs whose files do not arrive until the test resolves their promises. */
const large = (...ids: string[]) => {
  for (const id of ids) files.set(id, Promise.withResolvers());
  return ids.map(job);
};
const small = (...ids: string[]) => ids.map(job);

const jobs = {
  claim: async (_types: string[], max: number) => {
    calls.push(`claim ${max}`);
    const claimed = pending.splice(0, max);
    return { jobs: claimed, nextAt: claimed.length > 0 ? null : nextAt };
  },
  openFile: async ({ id }: ClaimedJob) => {
    calls.push(`begun ${id}`);
    await files.get(id)?.promise;
    return new Blob(['a\n1\n']).stream();
  },
  complete: async ({ id }: ClaimedJob) => {
    await completionGate;
    calls.push(`completed ${id}`);
  },
  release: async ({ id }: ClaimedJob) => void calls.push(`released ${id}`),
};

const run = (concurrency: number) =>
  new Run(jobs as unknown as JobsClient, new Logger(), {
    concurrency,
    leaseSeconds: 30,
    stopping: stopping.signal,
    abort: new AbortController().signal,
    onOutcome: (_, outcome) => outcomes.push(outcome),
  });
const until = async (condition: () => boolean) => {
  while (!condition()) await sleep(1);
};
const called = (call: string) => until(() => calls.includes(call));

/** Lets all work that is ready to run proceed. */
const idle = async () => {
  for (let turns = 0; turns < 50; turns++) await nextTurn();
};

describe('a run', () => {
  it('claims a job for each free slot, and claims once more after all have ended', async () => {
    pending = small('a', 'b', 'c');
    nextAt = later;
    expect(await run(2).execute()).toEqual(new Date(later));
    expect(calls[0]).toBe('claim 2');
    expect(calls.filter((call) => call.startsWith('completed')).toSorted()).toEqual([
      'completed a',
      'completed b',
      'completed c',
    ]);
    expect(calls.at(-1)).toBe('claim 2');
  });

  it('processes other jobs one by one while a large one is in progress', async () => {
    pending = [...large('large'), ...small('a', 'b', 'c')];
    const running = run(2).execute();
    await called('completed c');
    expect(calls).not.toContain('completed large');
    files.get('large')!.resolve();
    await running;
    expect(calls).toContain('completed large');
  });

  it('starts a job that arrives while a large one is in progress as soon as it is woken', async () => {
    pending = large('large');
    const one = run(2);
    const running = one.execute();
    await called('claim 1');
    const asked = calls.length;
    pending = small('a');
    await idle();
    expect(calls).toHaveLength(asked);
    one.wake();
    await called('completed a');
    files.get('large')!.resolve();
    await running;
  });

  it('claims once more if it is woken while a claim finds no job', async () => {
    const one = run(1);
    const { claim } = jobs;
    jobs.claim = async (...parameters) => {
      const answer = await claim(...parameters);
      jobs.claim = claim;
      pending = small('a');
      one.wake();
      return answer;
    };
    await one.execute();
    expect(calls).toContain('completed a');
    expect(one.isWoken).toBe(false);
  });

  it('claims again when a retry is due, while a large job is in progress', async () => {
    pending = large('large');
    nextAt = new Date().toISOString();
    const running = run(2).execute();
    await called('claim 1');
    const asked = calls.length;
    await until(() => calls.length > asked);
    pending = small('a');
    await called('completed a');
    // Not in a busy loop: at most one claim per tenth of a second.
    expect(calls.filter((call) => call.startsWith('claim')).length).toBeLessThan(20);
    files.get('large')!.resolve();
    nextAt = null;
    await running;
  });

  it('does not run ahead of a jobs API that accepts completions slowly', async () => {
    pending = small('a', 'b', 'c', 'd', 'e');
    const accepting = Promise.withResolvers<void>();
    completionGate = accepting.promise;
    const running = run(1).execute();
    await called('begun b');
    await idle();
    expect(calls.filter((call) => call.startsWith('begun'))).toEqual(['begun a', 'begun b']);
    accepting.resolve();
    await running;
    expect(calls.filter((call) => call.startsWith('completed'))).toHaveLength(5);
  });

  describe('while the jobs API is unavailable', () => {
    const { claim } = jobs;
    afterEach(() => {
      jobs.claim = claim;
    });

    it('fails if no job is in progress', async () => {
      jobs.claim = () => Promise.reject(new Error('away'));
      await expect(run(1).execute()).rejects.toThrow('away');
    });

    it('continues the jobs in progress, and claims when the jobs API is back', async () => {
      pending = large('large', 'a');
      const running = run(2).execute();
      await called('begun a');
      jobs.claim = async () => {
        calls.push('away');
        throw new Error('away');
      };
      files.get('a')!.resolve();
      await called('away');
      await called('completed a');
      pending = small('b');
      jobs.claim = claim;
      await called('completed b');
      files.get('large')!.resolve();
      await running;
      expect(outcomes).toEqual(['succeeded', 'succeeded', 'succeeded']);
    });
  });

  it('hands back the jobs that it has not begun when it is stopped, and reports the outcome of the others', async () => {
    pending = small('a', 'b');
    const { openFile } = jobs;
    jobs.openFile = async (claimed) => {
      stopping.abort();
      return openFile(claimed);
    };
    await run(2).execute();
    jobs.openFile = openFile;
    expect(calls.toSorted()).toEqual(['begun a', 'claim 2', 'completed a', 'released b']);
    expect(outcomes.toSorted()).toEqual(['handed back', 'succeeded']);
  });

  it('claims no more once it is stopped, and waits for the jobs in progress', async () => {
    pending = large('large');
    const running = run(2).execute();
    await called('claim 1');
    stopping.abort();
    pending = small('a');
    files.get('large')!.resolve();
    expect(await running).toBeUndefined();
    expect(calls.slice(-2)).toEqual(['claim 1', 'completed large']);
  });
});
