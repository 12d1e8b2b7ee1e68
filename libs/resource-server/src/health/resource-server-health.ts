import { Inject, Module, type DynamicModule, type OnModuleInit, type Type } from '@nestjs/common';
import { Gauge, type Registry } from 'prom-client';
import { KEY_SOURCE } from '../keys/key-source.ts';
import { REVOCATION_SOURCE } from '../revocations/revocation-source.ts';

/** What of `RemoteKeys` and `RevocationClient` is looked at. */
interface Keys {
  available: boolean;
}
interface Revocations {
  size: number;
  /** seconds */
  staleness: number;
  isStale: boolean;
  whenStale: 'accept' | 'introspect' | 'refuse';
  wasAskedFor: boolean;
}

/** Takes the checks that must hold before a service gets requests; one may answer that it is degraded. */
interface Readiness {
  require(name: string, check: () => Promise<{ degraded?: string } | void>): void;
}

/**
 * Adds a resource server's checks to the readiness of its service, and its gauges to the metrics: it is ready once it has
 * keys to validate tokens with and has asked for the list of revocations, and not while it refuses all tokens since that
 * list is stale.
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
        if (!keys.available) throw new Error('the authorization server has not given its keys yet');
      });
      this.readiness.require('revocations', async () => {
        if (!revocations.wasAskedFor) throw new Error('the list of revocations was not requested yet');
        return readinessOf(revocations);
      });
      this.gauge('lanyard_revocation_list_entries', 'how many revocations are known here', () => revocations.size);
      this.gauge(
        'lanyard_revocation_list_stale',
        'whether nothing was heard of revocations for too long, so that the policy for staleness applies: 1, else 0',
        () => Number(revocations.isStale),
      );
      this.gauge(
        'lanyard_revocation_list_staleness_seconds',
        'how long ago the list of revocations was current; up to 20 while nothing is revoked',
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
    ? `the list of revocations was last current ${Math.round(staleness)} s ago`
    : 'the list of revocations was never current so far';
  if (whenStale === 'refuse') throw new Error(state);
  const consequence = whenStale === 'accept' ? 'tokens are accepted until they expire' : 'tokens are introspected';
  return { degraded: `${state}: ${consequence}` };
}
