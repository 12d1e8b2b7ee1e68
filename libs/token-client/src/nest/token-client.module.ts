import { Module, type DynamicModule, type FactoryProvider, type ModuleMetadata } from '@nestjs/common';
import type { TokenClientOptions } from '../options.ts';
import { TokenClient } from '../token-client.ts';

type AsyncOptions = Pick<ModuleMetadata, 'imports'> &
  Pick<FactoryProvider<TokenClientOptions>, 'inject' | 'useFactory'>;

/** Provides one TokenClient to the whole application. */
@Module({})
export class TokenClientModule {
  static forRoot(options: TokenClientOptions): DynamicModule {
    return this.forRootAsync({ useFactory: () => options });
  }

  static forRootAsync({ imports = [], inject = [], useFactory }: AsyncOptions): DynamicModule {
    return {
      module: TokenClientModule,
      global: true,
      imports,
      providers: [
        {
          provide: TokenClient,
          inject,
          useFactory: async (...args: unknown[]) => new TokenClient(await useFactory(...args)),
        },
      ],
      exports: [TokenClient],
    };
  }
}
