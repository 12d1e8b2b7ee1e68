import type { Logger } from '@nestjs/common';
import { LeaseLostError, RefusedError, type ClaimedJob, type JobsClient } from '../jobs-client/jobs-client.ts';
import { InvalidCsvError, summarizeCsv } from '../summarize-csv/summarize-csv.ts';

/** What this worker can do with a job, by its type. */
const work: Record<string, (job: ClaimedJob, jobs: JobsClient, signal: AbortSignal) => Promise<object>> = {
  'summarize-csv': async (job, jobs, signal) => summarizeCsv(await jobs.openFile(job, signal), signal),
};

export type Outcome = 'succeeded' | 'failed' | 'handed back' | 'lost';

export interface RunOptions {
  concurrency: number;
  batchSize: number;
  leaseSeconds: number;
  /** No more jobs are begun; those that were claimed but not begun are handed back. */
  stopping: AbortSignal;
  /** Jobs in progress are broken off and handed back. */
  abort: AbortSignal;
  onOutcome?: (job: ClaimedJob, outcome: Outcome) => void;
}

interface End {
  outcome: Outcome;
  details?: object;
}

/** One run: claims batches until nothing is left, and works on the jobs of a batch a few at a time. */
export class Run {
  private readonly jobs: JobsClient;
  private readonly logger: Logger;
  private readonly options: RunOptions;
  /** Jobs that were worked on, and of whose end the jobs API is being told. */
  private readonly ending = new Set<Promise<void>>();

  constructor(jobs: JobsClient, logger: Logger, options: RunOptions) {
    this.jobs = jobs;
    this.logger = logger;
    this.options = options;
  }

  /** @returns when there may be more to do: a retry, or the lease of a worker that is gone */
  async execute(): Promise<Date | undefined> {
    const { batchSize, stopping } = this.options;
    try {
      while (!stopping.aborted) {
        const allEnded = this.ending.size === 0;
        const { jobs, nextAt } = await this.jobs.claim(Object.keys(work), batchSize, AbortSignal.timeout(10_000));
        if (jobs.length === 0) {
          // Leases of its own would count, and what failed here is tried again sooner.
          if (allEnded) return nextAt === null ? undefined : new Date(nextAt);
          await Promise.all(this.ending);
          continue;
        }
        this.logger.log({ msg: 'jobs claimed', jobs: jobs.length });
        await this.workOn(jobs);
        while (this.ending.size > batchSize) await Promise.race(this.ending);
      }
      return undefined;
    } finally {
      await Promise.all(this.ending);
    }
  }

  private async workOn(jobs: ClaimedJob[]): Promise<void> {
    const held = jobs.map((job) => new HeldJob(job, this.jobs, this.options));
    const waiting = [...held];
    const worker = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const end = await this.workOnJob(next);
        const ending = this.finish(next, end).finally(() => this.ending.delete(ending));
        this.ending.add(ending);
      }
    };
    await Promise.all(Array.from({ length: this.options.concurrency }, worker));
  }

  /** @returns what ends the job, to be called while others are worked on */
  private async workOnJob(held: HeldJob): Promise<() => Promise<End>> {
    const { job, signal } = held;
    if (this.options.stopping.aborted) return () => this.handBack(job);
    try {
      const result = await work[job.type]!(job, this.jobs, signal);
      return () => this.complete(job, result);
    } catch (error) {
      if (held.lost) return () => Promise.reject(held.lost!);
      if (this.options.abort.aborted) return () => this.handBack(job);
      const reason = error instanceof Error ? error.message : String(error);
      return () => this.fail(job, reason, !(error instanceof InvalidCsvError));
    }
  }

  private async finish(held: HeldJob, end: () => Promise<End>): Promise<void> {
    const { job } = held;
    const about = { job_id: job.id, file: job.payload.name, request_id: job.requestId };
    try {
      const { outcome, details } = await end();
      this.options.onOutcome?.(job, outcome);
      this.logger.log({ msg: `job ${outcome}`, ...about, ...details });
    } catch (error) {
      // The lease expires by itself, and the job goes to somebody else.
      const outcome = 'lost';
      this.options.onOutcome?.(job, outcome);
      this.logger.warn({ msg: `job ${outcome}`, ...about, err: error });
    } finally {
      held.letGo();
    }
  }

  private async complete(job: ClaimedJob, result: object): Promise<End> {
    try {
      await this.jobs.complete(job, result);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      return this.fail(job, error.message, false);
    }
    return { outcome: 'succeeded', details: 'rows' in result ? { rows: result.rows } : {} };
  }

  private async fail(job: ClaimedJob, reason: string, retryable: boolean): Promise<End> {
    await this.jobs.fail(job, reason.slice(0, 2000), retryable);
    return { outcome: 'failed', details: { reason, retryable, attempt: job.attempts } };
  }

  private async handBack(job: ClaimedJob): Promise<End> {
    await this.jobs.release(job);
    return { outcome: 'handed back' };
  }
}

/** A job whose lease is kept alive by heartbeats, until it is let go or lost. */
class HeldJob {
  readonly job: ClaimedJob;
  readonly signal: AbortSignal;
  lost: Error | undefined;
  private readonly timer: NodeJS.Timeout;

  constructor(job: ClaimedJob, jobs: JobsClient, { leaseSeconds, abort }: RunOptions) {
    this.job = job;
    const losing = new AbortController();
    this.signal = AbortSignal.any([abort, losing.signal]);
    this.timer = setInterval(
      () => {
        jobs.heartbeat(job).catch((error: unknown) => {
          if (!(error instanceof LeaseLostError)) return;
          this.lost = error;
          losing.abort();
        });
      },
      (leaseSeconds * 1000) / 3,
    );
  }

  letGo(): void {
    clearInterval(this.timer);
  }
}
