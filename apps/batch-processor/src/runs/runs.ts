import { randomUUID } from 'node:crypto';
import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { CONFIGURATION, Readiness, Registry } from '@lanyard/service-defaults';
import { SchedulerRegistry } from '@nestjs/schedule';
import { CronJob } from 'cron';
import { Counter } from 'prom-client';
import type { BatchProcessorConfiguration } from '../configuration.ts';
import { JobsClient } from '../jobs-client/jobs-client.ts';
import { Run } from './run.ts';

export type Trigger = 'start' | 'schedule' | 'request' | 'follow-up';

export interface RunReceipt {
  id: string;
  /** false: a run was under way already, and looks for more when it is done */
  started: boolean;
}

/** Starts runs, one at a time: at start, on schedule, on request, and when jobs that were left become available. */
@Injectable()
export class Runs implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Runs.name);
  private readonly stopping = new AbortController();
  private readonly abort = new AbortController();
  private readonly outcomes: Counter<'outcome'>;
  private current: { id: string; done: Promise<void> } | undefined;
  /** Somebody asked for a run while one was under way. */
  private wanted = false;
  private failures = 0;
  private followUp: NodeJS.Timeout | undefined;

  constructor(
    @Inject(JobsClient) private readonly jobs: JobsClient,
    @Inject(SchedulerRegistry) private readonly scheduler: SchedulerRegistry,
    @Inject(CONFIGURATION) private readonly configuration: BatchProcessorConfiguration,
    @Inject(Registry) metrics: Registry,
    @Inject(Readiness) readiness: Readiness,
  ) {
    this.outcomes = new Counter({
      name: 'lanyard_jobs_processed_total',
      help: 'jobs that this worker ended, by outcome',
      labelNames: ['outcome'],
      registers: [metrics],
    });
    readiness.require('runs', async () =>
      this.failures > 0 ? { degraded: 'the last run failed, it is tried again' } : undefined,
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
      this.wanted = true;
      return { id: this.current.id, started: false };
    }
    clearTimeout(this.followUp);
    const id = randomUUID();
    this.current = { id, done: this.execute(id, trigger) };
    return { id, started: true };
  }

  /** Finishes what was begun within half of the time there is, then hands back what is left. */
  async beforeApplicationShutdown(): Promise<void> {
    clearTimeout(this.followUp);
    this.stopping.abort();
    const patience = setTimeout(() => this.abort.abort(), this.configuration.SHUTDOWN_TIMEOUT * 500);
    await this.current?.done;
    clearTimeout(patience);
  }

  private async execute(id: string, trigger: Trigger): Promise<void> {
    this.logger.log({ msg: 'run started', run_id: id, trigger });
    let nextAt: Date | undefined;
    const processed: Record<string, number> = {};
    try {
      nextAt = await this.newRun(processed).execute();
      this.failures = 0;
      this.logger.log({ msg: 'run ended', run_id: id, processed, next_at: nextAt });
    } catch (error) {
      this.failures += 1;
      nextAt = new Date(Date.now() + Math.min(1000 * 2 ** this.failures, 60_000));
      this.logger.warn({ msg: 'run failed', run_id: id, processed, next_at: nextAt, err: error });
    }
    this.current = undefined;
    if (this.stopping.signal.aborted) return;
    if (this.wanted) {
      this.wanted = false;
      this.start('request');
    } else if (nextAt) this.comeBack(nextAt);
  }

  private newRun(processed: Record<string, number>): Run {
    const { CONCURRENCY: concurrency, BATCH_SIZE: batchSize, LEASE_SECONDS: leaseSeconds } = this.configuration;
    return new Run(this.jobs, this.logger, {
      concurrency,
      batchSize,
      leaseSeconds,
      stopping: this.stopping.signal,
      abort: this.abort.signal,
      onOutcome: (_, outcome) => {
        processed[outcome] = (processed[outcome] ?? 0) + 1;
        this.outcomes.inc({ outcome });
      },
    });
  }

  /** Not at once, whatever the clocks say, and with jitter, so that replicas do not come all at the same time. */
  private comeBack(at: Date): void {
    const ms = Math.max(at.getTime() - Date.now(), 0) + 100 + Math.random() * 400;
    this.followUp = setTimeout(() => this.start('follow-up'), Math.min(ms, 2 ** 31 - 1));
    this.followUp.unref();
  }
}
