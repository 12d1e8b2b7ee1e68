import { Module, type DynamicModule } from '@nestjs/common';
import { databaseModule } from '@lanyard/service-defaults';
import type { AuthServerConfiguration } from './configuration.ts';
import { MetadataController } from './metadata/metadata.controller.ts';
import { registryEntities, RegistryModule } from './registry/registry.module.ts';
import { SigningKeyRow } from './signing-keys/signing-key.entity.ts';
import { SigningKeysModule } from './signing-keys/signing-keys.module.ts';
import { TokenModule } from './token/token.module.ts';

@Module({})
export class AppModule {
  static forRoot(configuration: AuthServerConfiguration): DynamicModule {
    return {
      module: AppModule,
      imports: [
        databaseModule('auth-server', configuration, [...registryEntities, SigningKeyRow], { essential: false }),
        RegistryModule,
        SigningKeysModule,
        TokenModule,
      ],
      controllers: [MetadataController],
    };
  }
}
