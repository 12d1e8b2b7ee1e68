import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Claim, ClaimedJob, JobsClient } from '../jobs-client/jobs-client.ts';
import { Run, type Outcome } from './run.ts';

/** What the run does, in order. */
let calls: string[];
let claims: (() => Claim)[];
let stopping: AbortController;
beforeEach(() => {
  calls = [];
  claims = [];
  stopping = new AbortController();
  patience = 0;
});

const job = (id: string) => ({ id, type: 'summarize-csv', payload: { file: 'f', name: 'n' } }) as ClaimedJob;
const claimed = (...ids: string[]) => ({ jobs: ids.map(job), nextAt: null });
const later = '2030-01-01T00:00:00.000Z';
const nothing = () => ({ jobs: [], nextAt: later });

/** A jobs API that hears of the end of a job once it has been asked for jobs so many times. */
let patience: number;
const heard = async () => {
  while (calls.filter((call) => call === 'claim').length < patience) await sleep(1);
};
const jobs = {
  claim: async () => {
    calls.push('claim');
    return (claims.shift() ?? nothing)();
  },
  openFile: async () => new Blob(['a\n1\n']).stream(),
  complete: async ({ id }: ClaimedJob) => {
    await heard();
    calls.push(`completed ${id}`);
  },
  release: async ({ id }: ClaimedJob) => void calls.push(`released ${id}`),
} as unknown as JobsClient;

const outcomes: Outcome[] = [];
const run = (batchSize = 2) =>
  new Run(jobs, new Logger(), {
    concurrency: 1,
    batchSize,
    leaseSeconds: 30,
    stopping: stopping.signal,
    abort: new AbortController().signal,
    onOutcome: (_, outcome) => outcomes.push(outcome),
  });

describe('a run', () => {
  it('goes on while it tells of ends, and asks what is left once all are told', async () => {
    claims = [() => claimed('a'), () => claimed('b')];
    patience = 3;
    expect(await run().execute()).toEqual(new Date(later));
    expect(calls).toEqual(['claim', 'claim', 'claim', 'completed a', 'completed b', 'claim']);
  });

  it('does not run ahead of a jobs API that is slow to hear', async () => {
    claims = ['a', 'b', 'c', 'd'].map((id) => () => claimed(id));
    patience = Number.POSITIVE_INFINITY;
    const running = run(1).execute();
    await sleep(100);
    expect(calls).toEqual(['claim', 'claim']);
    patience = 0;
    await running;
    expect(calls.filter((call) => call.startsWith('completed'))).toHaveLength(4);
  });

  it('fails where it cannot claim, after the ends were told', async () => {
    const away = () => {
      throw new Error('away');
    };
    claims = [() => claimed('a'), away];
    patience = 2;
    await expect(run().execute()).rejects.toThrow('away');
    expect(calls).toEqual(['claim', 'claim', 'completed a']);
  });

  it('hands back what it has not begun when it is stopped, and tells of the rest', async () => {
    claims = [() => claimed('a', 'b')];
    const file = jobs.openFile;
    jobs.openFile = async (...parameters) => {
      stopping.abort();
      return file(...parameters);
    };
    await run().execute();
    jobs.openFile = file;
    expect(calls.toSorted()).toEqual(['claim', 'completed a', 'released b']);
    expect(outcomes.slice(-2).toSorted()).toEqual(['handed back', 'succeeded']);
  });
});
