import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIGURATION } from '@lanyard/service-defaults';
import { SchedulerRegistry } from '@nestjs/schedule';
import type { JobsApiConfiguration } from '../configuration.ts';
import { Files } from '../files/files.ts';
import { Leases } from './leases.ts';

const hour = 3_600_000;

/** Looks for expired leases and for uploads that were broken off. Every replica does; it harms nobody. */
@Injectable()
export class LeaseSweeper implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(LeaseSweeper.name);

  constructor(
    @Inject(Leases) private readonly leases: Leases,
    @Inject(Files) private readonly files: Files,
    @Inject(SchedulerRegistry) private readonly scheduler: SchedulerRegistry,
    @Inject(CONFIGURATION) private readonly configuration: JobsApiConfiguration,
  ) {}

  onApplicationBootstrap(): void {
    this.every(this.configuration.LEASE_SWEEP_INTERVAL * 1000, 'leases', async () => {
      const released = await this.leases.releaseExpired();
      if (released > 0) this.logger.warn({ msg: 'put back jobs whose worker is gone', released });
    });
    this.every(hour, 'uploads', () => this.files.removeBrokenUploads());
  }

  onApplicationShutdown(): void {
    for (const name of this.scheduler.getIntervals()) this.scheduler.deleteInterval(name);
  }

  private every(ms: number, name: string, work: () => Promise<void>): void {
    const run = () =>
      work().catch((error: unknown) => this.logger.warn({ msg: `sweeping ${name} failed`, err: error }));
    this.scheduler.addInterval(
      name,
      setInterval(() => void run(), ms),
    );
  }
}
