import { Inject, Module, type DynamicModule, type OnModuleInit, type Type } from '@nestjs/common';
import { Gauge, type Registry } from 'prom-client';
import { KEY_SOURCE } from '../keys/key-source.ts';
import { REVOCATION_SOURCE } from '../revocations/revocation-source.ts';

/** The parts of `RemoteKeys` and `RevocationClient` that are used here. */
interface Keys {
  available: boolean;
}
interface Revocations {
  size: number;
  /** seconds */
  staleness: number;
  isStale: boolean;
  whenStale: 'accept' | 'introspect' | 'refuse';
  wasRequested: boolean;
}

/** Registers the checks that must pass before a service gets requests; a check may report the service as degraded. */
interface Readiness {
  require(name: string, check: () => Promise<{ degraded?: string } | void>): void;
}

/**
 * Adds a resource server's checks to the readiness of its service, and its gauges to the metrics. The service is ready
 * once it has keys and has requested the revocation list, but not while it refuses all tokens because that list is
 * stale.
 */
export function resourceServerHealth(readinessType: Type<Readiness>, metricsType: Type<Registry>): DynamicModule {
  @Module({})
  class ResourceServerHealthModule implements OnModuleInit {
    constructor(
      @Inject(KEY_SOURCE) private readonly keys: Keys,
      @Inject(REVOCATION_SOURCE) private readonly revocations: Revocations,
      @Inject(readinessType) private readonly readiness: Readiness,
      @Inject(metricsType) private readonly metrics: Registry,
    ) {}

    onModuleInit(): void {
      const { keys, revocations } = this;
      this.readiness.require('keys', async () => {
        if (!keys.available) throw new Error('the keys of the authorization server have not been fetched yet');
      });
      this.readiness.require('revocations', async () => {
        if (!revocations.wasRequested) throw new Error('the revocation list has not been requested yet');
        return readinessOf(revocations);
      });
      this.gauge('lanyard_revocation_list_entries', 'entries in the revocation list', () => revocations.size);
      this.gauge(
        'lanyard_revocation_list_stale',
        '1 while the revocation list is stale, so that the policy for staleness applies, otherwise 0',
        () => Number(revocations.isStale),
      );
      this.gauge(
        'lanyard_revocation_list_staleness_seconds',
        'seconds since the revocation list was current; up to 20 while nothing is revoked',
        () => revocations.staleness,
      );
    }

    private gauge(name: string, help: string, value: () => number): Gauge {
      return new Gauge({
        name,
        help,
        registers: [this.metrics],
        collect() {
          this.set(value());
        },
      });
    }
  }
  return { module: ResourceServerHealthModule };
}

function readinessOf({ isStale, staleness, whenStale }: Revocations): { degraded: string } | undefined {
  if (!isStale) return undefined;
  const state = Number.isFinite(staleness)
    ? `the revocation list was last current ${Math.round(staleness)} s ago`
    : 'the revocation list has never been current';
  if (whenStale === 'refuse') throw new Error(state);
  const consequence = whenStale === 'accept' ? 'tokens are accepted until they expire' : 'tokens are introspected';
  return { degraded: `${state}: ${consequence}` };
}
