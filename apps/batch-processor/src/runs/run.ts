import type { Logger } from '@nestjs/common';
import type { Claimed, ClaimedJob, CsvSummary } from '@lanyard/jobs-contract';
import { LeaseLostError, RefusedError, type JobsClient } from '../jobs-client/jobs-client.ts';
import { InvalidCsvError } from '../summarize-csv/invalid-csv.error.ts';
import { summarizeCsv } from '../summarize-csv/summarize-csv.ts';

/** How this worker processes a job, by type. */
const work: Record<string, (job: ClaimedJob, jobs: JobsClient, signal: AbortSignal) => Promise<CsvSummary>> = {
  'summarize-csv': async (job, jobs, signal) => {
    const { delimiter, charset } = job.payload;
    return summarizeCsv(await jobs.openFile(job, signal), { delimiter, charset, signal });
  },
};

export type Outcome = 'succeeded' | 'failed' | 'handed back' | 'lost';

/**
 * How long to wait until then, ms: never zero, even if the clocks differ, and with jitter, so that replicas do not
 * claim at the same time.
 */
export const delayUntil = (at: Date): number =>
  Math.min(Math.max(at.getTime() - Date.now(), 0) + 100 + Math.random() * 400, 2 ** 31 - 1);

export interface RunOptions {
  /** how many jobs are processed at a time */
  concurrency: number;
  leaseSeconds: number;
  /** once aborted, the run begins no more jobs, and hands back those that it has claimed but not begun */
  stopping: AbortSignal;
  /** once aborted, the run aborts the jobs in progress and hands them back */
  abort: AbortSignal;
  onOutcome?: (job: ClaimedJob, outcome: Outcome) => void;
}

interface End {
  outcome: Outcome;
  details?: object;
}

/**
 * One run: claims a job for each free slot until no job is left. It never claims a job that would have to wait for a
 * slot: another worker could process it sooner.
 */
export class Run {
  private readonly jobs: JobsClient;
  private readonly logger: Logger;
  private readonly options: RunOptions;
  private readonly working = new Set<Promise<void>>();
  /** Jobs whose work is done, and whose outcome is being sent to the jobs API. */
  private readonly ending = new Set<Promise<void>>();
  private changed = Promise.withResolvers<void>();
  private woken = false;

  constructor(jobs: JobsClient, logger: Logger, options: RunOptions) {
    this.jobs = jobs;
    this.logger = logger;
    this.options = options;
  }

  /** Call this when there may be new jobs: a free slot claims at once. */
  wake(): void {
    this.woken = true;
    this.changed.resolve();
  }

  /** Whether the run was woken and has not claimed since. */
  get isWoken(): boolean {
    return this.woken;
  }

  /** @returns when there may be more to do: a retry, or a job whose lease expires */
  async execute(): Promise<Date | undefined> {
    const { concurrency, stopping } = this.options;
    const stop = () => this.changed.resolve();
    stopping.addEventListener('abort', stop);
    try {
      while (!stopping.aborted) {
        const isIdle = this.working.size + this.ending.size === 0;
        // Bounds how far work may run ahead of a jobs API that accepts outcomes slowly.
        const free = this.ending.size > concurrency ? 0 : concurrency - this.working.size;
        this.changed = Promise.withResolvers();
        if (free === 0) {
          await this.waitForChange();
          continue;
        }
        this.woken = false;
        const claim = await this.claim(free, isIdle);
        if (claim.jobs.length > 0) {
          this.begin(claim.jobs);
          continue;
        }
        const next = claim.nextAt === null ? undefined : new Date(claim.nextAt);
        // While jobs are in progress, `next` may be the expiry of their leases, and one of them may be retried sooner:
        // the run claims again once none is in progress.
        if (isIdle && !this.woken) return next;
        await this.waitForChange(next);
      }
      return undefined;
    } finally {
      stopping.removeEventListener('abort', stop);
      await Promise.all(this.working);
      await Promise.all(this.ending);
    }
  }

  /** While jobs are in progress, a failed claim does not end the run: the jobs API may be away only for a while. */
  private async claim(max: number, isIdle: boolean): Promise<Claimed> {
    try {
      return await this.jobs.claim(Object.keys(work), max, AbortSignal.timeout(10_000));
    } catch (error) {
      if (isIdle) throw error;
      this.logger.warn({ msg: 'claiming jobs failed, retrying', err: error });
      return { jobs: [], nextAt: new Date(Date.now() + 1000).toISOString() };
    }
  }

  /** Waits until a job ends, the run is woken or stopped, or `at`. */
  private async waitForChange(at?: Date): Promise<void> {
    const timer = at && setTimeout(() => this.changed.resolve(), delayUntil(at));
    await this.changed.promise;
    clearTimeout(timer);
  }

  private begin(jobs: ClaimedJob[]): void {
    this.logger.log({ msg: 'jobs claimed', jobs: jobs.length });
    for (const job of jobs) {
      const held = new HeldJob(job, this.jobs, this.options);
      this.track(this.working, async () => {
        const end = await this.workOnJob(held);
        this.track(this.ending, () => this.finish(held, end));
      });
    }
  }

  private track(set: Set<Promise<void>>, act: () => Promise<void>): void {
    const done = act().finally(() => {
      set.delete(done);
      this.changed.resolve();
    });
    set.add(done);
  }

  /** @returns a function that reports the outcome to the jobs API, called while other jobs are in progress */
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
      // The lease expires by itself, and another worker gets the job.
      const outcome = 'lost';
      this.options.onOutcome?.(job, outcome);
      this.logger.warn({ msg: `job ${outcome}`, ...about, err: error });
    } finally {
      held.letGo();
    }
  }

  private async complete(job: ClaimedJob, result: CsvSummary): Promise<End> {
    try {
      await this.jobs.complete(job, result);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      return this.fail(job, error.message, false);
    }
    return { outcome: 'succeeded', details: { rows: result.rows } };
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

/** A job whose lease is kept alive by heartbeats until it is released or lost. */
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
