import { randomUUID } from 'node:crypto';
import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { CONFIGURATION, Readiness, MetricsRegistry } from '@lanyard/service-defaults';
import { SchedulerRegistry } from '@nestjs/schedule';
import { CronJob } from 'cron';
import { Counter } from 'prom-client';
import type { BatchProcessorConfiguration } from '../configuration.ts';
import { JobsClient } from '../jobs-client/jobs-client.ts';
import { delayUntil, Run } from './run.ts';

export type Trigger = 'start' | 'schedule' | 'request' | 'follow-up';

export interface RunReceipt {
  id: string;
  /** false: a run was already in progress, and checks for new jobs as soon as a slot is free */
  started: boolean;
}

/** Starts runs, one at a time: at start, on schedule, on request, and when remaining jobs become available. */
@Injectable()
export class Runs implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Runs.name);
  private readonly stopping = new AbortController();
  private readonly abort = new AbortController();
  private readonly outcomes: Counter<'outcome'>;
  private current: { id: string; run: Run; done: Promise<void> } | undefined;
  private failures = 0;
  private followUp: NodeJS.Timeout | undefined;

  constructor(
    private readonly jobs: JobsClient,
    private readonly scheduler: SchedulerRegistry,
    @Inject(CONFIGURATION) private readonly configuration: BatchProcessorConfiguration,
    metrics: MetricsRegistry,
    readiness: Readiness,
  ) {
    this.outcomes = new Counter({
      name: 'lanyard_jobs_processed_total',
      help: 'jobs that this worker ended, by outcome',
      labelNames: ['outcome'],
      registers: [metrics],
    });
    readiness.require('runs', async () =>
      this.failures > 0 ? { degraded: 'the last run failed, retrying' } : undefined,
    );
  }

  onApplicationBootstrap(): void {
    const cron = CronJob.from({ cronTime: this.configuration.SCHEDULE, onTick: () => void this.start('schedule') });
    this.scheduler.addCronJob('runs', cron);
    cron.start();
    this.start('start');
  }

  start(trigger: Trigger): RunReceipt {
    if (this.current) {
      this.current.run.wake();
      return { id: this.current.id, started: false };
    }
    clearTimeout(this.followUp);
    const id = randomUUID();
    const processed: Record<string, number> = {};
    const run = this.newRun(processed);
    this.current = { id, run, done: this.execute(id, run, trigger, processed) };
    return { id, started: true };
  }

  /** Lets jobs in progress finish within half of SHUTDOWN_TIMEOUT, then hands back the rest. */
  async beforeApplicationShutdown(): Promise<void> {
    clearTimeout(this.followUp);
    this.stopping.abort();
    const deadline = setTimeout(() => this.abort.abort(), this.configuration.SHUTDOWN_TIMEOUT * 500);
    await this.current?.done;
    clearTimeout(deadline);
  }

  private async execute(id: string, run: Run, trigger: Trigger, processed: object): Promise<void> {
    this.logger.log({ msg: 'run started', run_id: id, trigger });
    let nextAt: Date | undefined;
    try {
      nextAt = await run.execute();
      this.failures = 0;
      this.logger.log({ msg: 'run ended', run_id: id, processed, next_at: nextAt });
    } catch (error) {
      this.failures += 1;
      nextAt = new Date(Date.now() + Math.min(1000 * 2 ** this.failures, 60_000));
      this.logger.warn({ msg: 'run failed', run_id: id, processed, next_at: nextAt, err: error });
    }
    this.current = undefined;
    if (this.stopping.signal.aborted) return;
    if (run.isWoken) this.start('request');
    else if (nextAt) this.scheduleFollowUp(nextAt);
  }

  private newRun(processed: Record<string, number>): Run {
    const { CONCURRENCY: concurrency, LEASE_SECONDS: leaseSeconds } = this.configuration;
    return new Run(this.jobs, this.logger, {
      concurrency,
      leaseSeconds,
      stopping: this.stopping.signal,
      abort: this.abort.signal,
      onOutcome: (_, outcome) => {
        processed[outcome] = (processed[outcome] ?? 0) + 1;
        this.outcomes.inc({ outcome });
      },
    });
  }

  private scheduleFollowUp(at: Date): void {
    this.followUp = setTimeout(() => this.start('follow-up'), delayUntil(at));
    this.followUp.unref();
  }
}
