import { Inject, Module, type DynamicModule, type OnModuleInit, type Type } from '@nestjs/common';
import { Readiness } from './health.module.ts';

/** A resource server is ready once it has keys to validate tokens with. */
export function keysReadiness(keys: Type<{ available: boolean }>): DynamicModule {
  @Module({})
  class KeysReadinessModule implements OnModuleInit {
    constructor(
      @Inject(keys) private readonly remote: { available: boolean },
      @Inject(Readiness) private readonly readiness: Readiness,
    ) {}

    onModuleInit(): void {
      this.readiness.require('keys', async () => {
        if (!this.remote.available) throw new Error('the authorization server has not given its keys yet');
      });
    }
  }
  return { module: KeysReadinessModule };
}
