import type { Server } from 'node:net';
import { Global, Injectable, Module, ServiceUnavailableException } from '@nestjs/common';
import {
  HealthCheckService,
  HealthIndicatorService,
  TerminusModule,
  type HealthCheckResult,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import { singleFlight } from '@lanyard/oauth-protocol';
import { withTimeout } from '../with-timeout.ts';

/** `up`, or `degraded` where the service still does its work. A rejection means `down`. */
export type ReadinessCheck = () => Promise<{ degraded?: string } | void>;

/** What must hold before a service takes requests. */
@Injectable()
export class Readiness {
  readonly checks = new Map<string, ReadinessCheck>();

  require(name: string, check: ReadinessCheck): void {
    this.checks.set(name, check);
  }
}

/** What the management listener answers to those who decide whether a service is restarted, or gets requests. */
@Injectable()
export class Health {
  private isStopping = false;
  private server: Server | undefined;

  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly readiness: Readiness,
  ) {}

  /** Not ready until this server listens. */
  follow(server: Server): void {
    this.server = server;
  }

  /** Not ready any more, while requests under way are finished. */
  stop(): void {
    this.isStopping = true;
  }

  /** The process answers. Says nothing of what it depends on: a restart would not mend that. */
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Requests can be served. */
  async ready(): Promise<HealthCheckResult> {
    if (this.isStopping) throw new ServiceUnavailableException('the service is stopping');
    if (this.server?.listening === false) throw new ServiceUnavailableException('the service is starting');
    return this.check();
  }

  /** One check at a time, however many ask: they cost statements. */
  private readonly check = singleFlight(() =>
    this.health.check([...this.readiness.checks].map(([name, check]) => this.indicate.bind(this, name, check))),
  );

  /** What each check says, whatever follows from it. */
  async details(): Promise<HealthIndicatorResult> {
    const results = await Promise.all([...this.readiness.checks].map(([name, check]) => this.indicate(name, check)));
    return Object.assign({}, ...results) as HealthIndicatorResult;
  }

  private async indicate(name: string, check: ReadinessCheck): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check(name);
    try {
      const { degraded } = (await withTimeout(check(), 2000)) ?? {};
      return degraded ? indicator.degraded({ message: degraded }) : indicator.up();
    } catch {
      // The cause may name hosts and users; it is in the log of whoever failed.
      return indicator.down();
    }
  }
}

@Global()
@Module({
  imports: [TerminusModule.forRoot({ logger: false })],
  providers: [Health, Readiness],
  exports: [Health, Readiness],
})
export class HealthModule {}
