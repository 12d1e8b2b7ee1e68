import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { ClaimedJob } from '@lanyard/jobs-contract';
import type { JobsClient } from '../jobs-client/jobs-client.ts';
import { Run, type Outcome } from './run.ts';

/** What the run does, in order. */
let calls: string[];
/** The jobs that wait at the jobs API. */
let pending: ClaimedJob[];
let nextAt: string | null;
/** What keeps a job in work, by its id. */
let files: Map<string, PromiseWithResolvers<void>>;
/** What keeps the jobs API from hearing of ends. */
let hearing: Promise<void>;
let stopping: AbortController;
let outcomes: Outcome[];
beforeEach(() => {
  [calls, pending, nextAt, outcomes] = [[], [], null, []];
  files = new Map();
  hearing = Promise.resolve();
  stopping = new AbortController();
});

const later = '2030-01-01T00:00:00.000Z';
const job = (id: string) => ({ id, type: 'summarize-csv', payload: { file: 'f', name: 'n' } }) as ClaimedJob;
/** Jobs whose files do not come in until they are let go. */
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
    await hearing;
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
const heard = (call: string) => until(() => calls.includes(call));

describe('a run', () => {
  it('claims a job for each free slot, and asks what is left once all have ended', async () => {
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

  it('begins others while a large one is in work, one after the other', async () => {
    pending = [...large('large'), ...small('a', 'b', 'c')];
    const running = run(2).execute();
    await heard('completed c');
    expect(calls).not.toContain('completed large');
    files.get('large')!.resolve();
    await running;
    expect(calls).toContain('completed large');
  });

  it('begins what comes while a large one is in work, as soon as it is woken', async () => {
    pending = large('large');
    const one = run(2);
    const running = one.execute();
    await heard('claim 1');
    const asked = calls.length;
    pending = small('a');
    await sleep(50);
    expect(calls).toHaveLength(asked);
    one.wake();
    await heard('completed a');
    files.get('large')!.resolve();
    await running;
  });

  it('claims once more where it is woken while it learns that nothing is left', async () => {
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

  it('looks again when a retry is due, while a large one is in work', async () => {
    pending = large('large');
    nextAt = new Date().toISOString();
    const running = run(2).execute();
    await heard('claim 1');
    const asked = calls.length;
    await until(() => calls.length > asked);
    pending = small('a');
    await heard('completed a');
    // Not in a loop: a claim in a tenth of a second, at most.
    expect(calls.filter((call) => call.startsWith('claim')).length).toBeLessThan(20);
    files.get('large')!.resolve();
    nextAt = null;
    await running;
  });

  it('does not run ahead of a jobs API that is slow to hear', async () => {
    pending = small('a', 'b', 'c', 'd', 'e');
    const listening = Promise.withResolvers<void>();
    hearing = listening.promise;
    const running = run(1).execute();
    await heard('begun b');
    await sleep(100);
    expect(calls.filter((call) => call.startsWith('begun'))).toEqual(['begun a', 'begun b']);
    listening.resolve();
    await running;
    expect(calls.filter((call) => call.startsWith('completed'))).toHaveLength(5);
  });

  describe('where the jobs API is away', () => {
    const { claim } = jobs;
    afterEach(() => {
      jobs.claim = claim;
    });

    it('fails with nothing in work', async () => {
      jobs.claim = () => Promise.reject(new Error('away'));
      await expect(run(1).execute()).rejects.toThrow('away');
    });

    it('goes on with what is in work, and claims when it is back', async () => {
      pending = large('large', 'a');
      const running = run(2).execute();
      await heard('begun a');
      jobs.claim = async () => {
        calls.push('away');
        throw new Error('away');
      };
      files.get('a')!.resolve();
      await heard('away');
      await heard('completed a');
      pending = small('b');
      jobs.claim = claim;
      await heard('completed b');
      files.get('large')!.resolve();
      await running;
      expect(outcomes).toEqual(['succeeded', 'succeeded', 'succeeded']);
    });
  });

  it('hands back what it has not begun when it is stopped, and tells of the rest', async () => {
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

  it('claims no more once it is stopped, and waits for what is in work', async () => {
    pending = large('large');
    const running = run(2).execute();
    await heard('claim 1');
    stopping.abort();
    pending = small('a');
    files.get('large')!.resolve();
    expect(await running).toBeUndefined();
    expect(calls.slice(-2)).toEqual(['claim 1', 'completed large']);
  });
});
