import { Module, type DynamicModule } from '@nestjs/common';
import { administrationOf } from '@lanyard/administration';
import { ResourceServerModule, type ResourceServerOptions } from '@lanyard/resource-server';
import { databaseModule } from '@lanyard/service-defaults';
import { AdministrationModule } from './administration/administration.module.ts';
import type { AuthServerConfiguration } from './configuration.ts';
import { entities } from './entities.ts';
import { Housekeeping } from './housekeeping/housekeeping.ts';
import { MetadataController } from './metadata/metadata.controller.ts';
import { RegistryModule } from './registry/registry.module.ts';
import { SigningKeys } from './signing-keys/signing-keys.ts';
import { SigningKeysModule } from './signing-keys/signing-keys.module.ts';
import { TokenModule } from './token/token.module.ts';

@Module({})
export class AppModule {
  static forRoot(configuration: AuthServerConfiguration): DynamicModule {
    return {
      module: AppModule,
      imports: [
        databaseModule('auth-server', configuration, entities, { essential: false }),
        RegistryModule,
        SigningKeysModule,
        TokenModule,
        AdministrationModule,
        // The server is a resource server too: its administration takes its own access tokens.
        ResourceServerModule.forRootAsync({
          imports: [SigningKeysModule],
          inject: [SigningKeys],
          useFactory: ({ getKey }: SigningKeys): ResourceServerOptions => ({
            issuer: configuration.ISSUER,
            resource: administrationOf(configuration.ISSUER),
            resourceName: 'Lanyard administration',
            keys: { available: true, getKey, start: () => undefined, stop: () => undefined },
          }),
        }),
      ],
      controllers: [MetadataController],
      providers: [Housekeeping],
    };
  }
}
