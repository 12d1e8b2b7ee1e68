import { Inject, Module, type DynamicModule, type OnModuleInit, type Type } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { Registry } from '../metrics/metrics.module.ts';
import { Readiness } from './health.module.ts';

interface Keys {
  available: boolean;
}

interface Revocations {
  size: number;
  /** seconds */
  silence: number;
  isSilent: boolean;
  whenSilent: 'accept' | 'introspect' | 'refuse';
  wasAskedFor: boolean;
}

/**
 * A resource server is ready once it has keys to validate tokens with and has asked what is revoked, and is not any
 * more while it refuses all tokens, for having heard nothing of revocations for too long.
 */
export function resourceServerHealth(keysType: Type<Keys>, revocationsType: Type<Revocations>): DynamicModule {
  @Module({})
  class ResourceServerHealthModule implements OnModuleInit {
    constructor(
      @Inject(keysType) private readonly keys: Keys,
      @Inject(revocationsType) private readonly revocations: Revocations,
      private readonly readiness: Readiness,
      private readonly metrics: Registry,
    ) {}

    onModuleInit(): void {
      const { keys, revocations } = this;
      this.readiness.require('keys', async () => {
        if (!keys.available) throw new Error('the authorization server has not given its keys yet');
      });
      this.readiness.require('revocations', async () => {
        if (!revocations.wasAskedFor) throw new Error('the list of revocations was not asked for yet');
        return readinessOf(revocations);
      });
      this.gauge('lanyard_revocation_list_entries', 'how many revocations are known here', () => revocations.size);
      this.gauge(
        'lanyard_revocation_list_silent',
        'whether nothing was heard of revocations for too long, so that the policy for silence applies: 1, else 0',
        () => Number(revocations.isSilent),
      );
      this.gauge(
        'lanyard_revocation_list_silence_seconds',
        'for how long nothing was heard of revocations; up to 20 in quiet times',
        () => revocations.silence,
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

function readinessOf({ isSilent, silence, whenSilent }: Revocations): { degraded: string } | undefined {
  if (!isSilent) return undefined;
  const since = Number.isFinite(silence) ? `for ${Math.round(silence)} s` : 'so far';
  if (whenSilent === 'refuse') throw new Error(`nothing was heard of revocations ${since}`);
  const consequence = whenSilent === 'accept' ? 'tokens are accepted until they expire' : 'tokens are introspected';
  return { degraded: `nothing was heard of revocations ${since}: ${consequence}` };
}
