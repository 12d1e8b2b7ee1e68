import { Module } from '@nestjs/common';
import { RegistryModule } from '../../registry/registry.module.ts';
import { SigningKeysModule } from '../../signing-keys/signing-keys.module.ts';
import { AuthorizationController } from '../authorization/authorization.controller.ts';
import { JwksController } from './jwks.controller.ts';
import { MetadataController } from './metadata.controller.ts';

@Module({
  imports: [RegistryModule, SigningKeysModule],
  controllers: [MetadataController, JwksController, AuthorizationController],
})
export class MetadataModule {}
