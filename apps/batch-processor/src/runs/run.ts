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

/** One run: claims batches until nothing is left, and works on the jobs of a batch a few at a time. */
export class Run {
  private readonly jobs: JobsClient;
  private readonly logger: Logger;
  private readonly options: RunOptions;

  constructor(jobs: JobsClient, logger: Logger, options: RunOptions) {
    this.jobs = jobs;
    this.logger = logger;
    this.options = options;
  }

  /** @returns when there may be more to do: a retry, or the lease of a worker that is gone */
  async execute(): Promise<Date | undefined> {
    const { batchSize, stopping } = this.options;
    while (!stopping.aborted) {
      const { jobs, nextAt } = await this.jobs.claim(Object.keys(work), batchSize, AbortSignal.timeout(10_000));
      if (jobs.length === 0) return nextAt === null ? undefined : new Date(nextAt);
      this.logger.log({ msg: 'jobs claimed', jobs: jobs.length });
      await this.workOn(jobs);
    }
    return undefined;
  }

  private async workOn(jobs: ClaimedJob[]): Promise<void> {
    const held = jobs.map((job) => new HeldJob(job, this.jobs, this.options));
    const waiting = [...held];
    const worker = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await this.finish(next);
    };
    await Promise.all(Array.from({ length: this.options.concurrency }, worker));
  }

  private async finish(held: HeldJob): Promise<void> {
    const { job } = held;
    const about = { job_id: job.id, file: job.payload.name, request_id: job.requestId };
    try {
      const outcome = await this.outcomeOf(held);
      this.options.onOutcome?.(job, outcome.outcome);
      this.logger.log({ msg: `job ${outcome.outcome}`, ...about, ...outcome.details });
    } catch (error) {
      // The lease expires by itself, and the job goes to somebody else.
      const outcome = 'lost';
      this.options.onOutcome?.(job, outcome);
      this.logger.warn({ msg: `job ${outcome}`, ...about, err: error });
    } finally {
      held.letGo();
    }
  }

  private async outcomeOf(held: HeldJob): Promise<{ outcome: Outcome; details?: object }> {
    const { job, signal } = held;
    if (this.options.stopping.aborted) return this.handBack(job);
    let result: object;
    try {
      result = await work[job.type]!(job, this.jobs, signal);
    } catch (error) {
      if (held.lost) throw held.lost;
      if (this.options.abort.aborted) return this.handBack(job);
      const retryable = !(error instanceof InvalidCsvError);
      const reason = error instanceof Error ? error.message : String(error);
      await this.jobs.fail(job, reason.slice(0, 2000), retryable);
      return { outcome: 'failed', details: { reason, retryable, attempt: job.attempts } };
    }
    try {
      await this.jobs.complete(job, result);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      await this.jobs.fail(job, error.message.slice(0, 2000), false);
      return { outcome: 'failed', details: { reason: error.message, retryable: false, attempt: job.attempts } };
    }
    return { outcome: 'succeeded', details: 'rows' in result ? { rows: result.rows } : {} };
  }

  private async handBack(job: ClaimedJob): Promise<{ outcome: Outcome }> {
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
