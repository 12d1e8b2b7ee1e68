import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { RegistryModule } from '../registry/registry.module.ts';
import { JwksController } from './jwks.controller.ts';
import { KeyRotation } from './key-rotation.ts';
import { SigningKeyRow } from './signing-key.entity.ts';
import { SigningKeys } from './signing-keys.ts';

@Module({
  imports: [TypeOrmModule.forFeature([SigningKeyRow]), RegistryModule],
  controllers: [JwksController],
  providers: [SigningKeys, KeyRotation],
  exports: [SigningKeys, KeyRotation],
})
export class SigningKeysModule {}
