import {
  Controller,
  Get,
  Global,
  Injectable,
  Module,
  ServiceUnavailableException,
  type BeforeApplicationShutdown,
} from '@nestjs/common';
import {
  HealthCheckService,
  HealthIndicatorService,
  TerminusModule,
  type HealthCheckResult,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import { Public } from '@lanyard/resource-server/access';
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

@Controller('health')
@Public()
export class HealthController implements BeforeApplicationShutdown {
  private stopping = false;
  private checking: Promise<HealthCheckResult> | undefined;

  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly readiness: Readiness,
  ) {}

  /** The process answers. Says nothing of what it depends on: a restart would not mend that. */
  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Requests can be served. */
  @Get('ready')
  async ready(): Promise<HealthCheckResult> {
    if (this.stopping) throw new ServiceUnavailableException('the service is stopping');
    // One check at a time, however many ask: they cost statements.
    const checks = [...this.readiness.checks].map(([name, check]) => this.indicate.bind(this, name, check));
    this.checking ??= this.health.check(checks).finally(() => {
      this.checking = undefined;
    });
    return this.checking;
  }

  beforeApplicationShutdown(): void {
    this.stopping = true;
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
  controllers: [HealthController],
  providers: [Readiness],
  exports: [Readiness],
})
export class HealthModule {}
