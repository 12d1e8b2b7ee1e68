import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { SchedulerRegistry } from '@nestjs/schedule';
import type { JobsApiConfiguration } from '../configuration.ts';
import { Uploads } from '../files/uploads.ts';
import { Leases } from './leases.ts';

/** Checks for expired leases and interrupted uploads. Every replica runs it; concurrent sweeps are harmless. */
@Injectable()
export class LeaseSweeper implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(LeaseSweeper.name);

  constructor(
    private readonly leases: Leases,
    private readonly uploads: Uploads,
    private readonly scheduler: SchedulerRegistry,
    @Inject(CONFIGURATION) private readonly configuration: JobsApiConfiguration,
  ) {}

  onApplicationBootstrap(): void {
    this.sweep('leases', async () => {
      const released = await this.leases.releaseExpired();
      if (released > 0) this.logger.warn({ msg: 'returned jobs with expired leases to the queue', released });
    });
    this.sweep('uploads', async () => {
      const removed = await this.uploads.sweep();
      if (removed > 0) this.logger.warn({ msg: 'removed interrupted uploads', removed });
    });
  }

  onApplicationShutdown(): void {
    for (const name of this.scheduler.getIntervals()) this.scheduler.deleteInterval(name);
  }

  /** Runs one sweep at a time: removing large uploads takes a while. */
  private sweep(name: string, work: () => Promise<void>): void {
    let isRunning = false;
    const run = async () => {
      if (isRunning) return;
      isRunning = true;
      try {
        await work();
      } catch (error) {
        this.logger.warn({ msg: `sweeping ${name} failed`, err: error });
      } finally {
        isRunning = false;
      }
    };
    const ms = this.configuration.LEASE_SWEEP_INTERVAL * 1000;
    this.scheduler.addInterval(
      name,
      setInterval(() => void run(), ms),
    );
  }
}
