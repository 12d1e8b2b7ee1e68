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

/** `up`, or `degraded` if the service still works. A rejection means `down`. */
export type ReadinessCheck = () => Promise<{ degraded?: string } | void>;

/** The checks that must pass before a service gets requests. */
@Injectable()
export class Readiness {
  readonly checks = new Map<string, ReadinessCheck>();

  require(name: string, check: ReadinessCheck): void {
    this.checks.set(name, check);
  }
}

/** The responses of the management listener to the platform, which restarts a service or sends it requests. */
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

  /** No longer ready; requests in progress are finished. */
  stop(): void {
    this.isStopping = true;
  }

  /** The process answers. Does not check dependencies: a restart would not fix them. */
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Requests can be served. */
  async ready(): Promise<HealthCheckResult> {
    if (this.isStopping) throw new ServiceUnavailableException('the service is stopping');
    if (this.server?.listening === false) throw new ServiceUnavailableException('the service is starting');
    return this.check();
  }

  /** One check at a time, however many callers: a check costs statements. */
  private readonly check = singleFlight(() =>
    this.health.check([...this.readiness.checks].map(([name, check]) => this.indicate.bind(this, name, check))),
  );

  /** The result of each check. */
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
      // The cause may name hosts and users; the component that failed logs it.
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
